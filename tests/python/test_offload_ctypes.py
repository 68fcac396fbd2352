# SPDX-License-Identifier: Apache-2.0
"""Functions of ctypes are called by the library, on threads that are none of Python's."""

import ctypes
import ctypes.util
import errno
import gc
import os
import subprocess
import threading

import cothread
import pytest
from cothread import Event, Job, Misuse, Pool, Spawn, Timedout, WaitForAll, Yield, _offload, offload, wait
from cothread._library import foreign

SOURCE = """
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>

sem_t gate;
int begun;

void make(void) { sem_init(&gate, 0, 0); }
void let_go(int count) { while (count-- > 0) sem_post(&gate); }
int hold(int value) { __atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST); sem_wait(&gate); return value; }
void fill(char *at, int length) { memset(at, 'x', (size_t)(length - hold(0))); }
uint64_t thread(void) { return (uint64_t)pthread_self(); }

signed char small(signed char a, unsigned char b, short c, _Bool d) { return (signed char)(a + b + c + d); }
_Bool yes(int a) { return a != 0; }
int64_t mixed(int a, double x, int64_t b, double y, unsigned c, double z)
{
    return (int64_t)(a + 10 * x + 100 * (double)b + 1000 * y + 10000 * c + 100000 * z);
}
double half(double x) { return x / 2; }
uint64_t big(uint64_t a) { return a; }
const char *text(const char *a) { return a; }
void *address(void *a) { return a; }
void twice(int *a) { *a *= 2; }
int *same(int *a) { return a; }
int many(int a, int b, int c, int d, int e, int f) { return a + b + c + d + e + f; }
int too_many(int a, int b, int c, int d, int e, int f, int g) { return a + b + c + d + e + f + g; }
int fails(void) { errno = ENOENT; return -1; }
int call(int (*function)(int), int a) { return function(a); }
struct pair { int a, b; };
int by_value(struct pair pair) { return pair.a + pair.b; }
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    directory = tmp_path_factory.mktemp("library")
    (directory / "library.c").write_text(SOURCE)
    built = directory / "library.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-pthread", "-o", built, directory / "library.c"], check=True)
    loaded = ctypes.CDLL(str(built))
    loaded.make()
    return loaded


@pytest.fixture(autouse=True)
def no_call_is_left_running(c):
    ctypes.c_int.in_dll(c, "begun").value = 0
    yield
    gc.collect()
    while _offload._running:
        c.let_go(1)
        _offload._look_after()
        Yield(0.001)
    c.make()


def typed(function, result, *arguments):
    function.restype = result
    function.argtypes = arguments
    return function


def begun(c, count):
    counter = ctypes.c_int.in_dll(c, "begun")
    while counter.value < count:
        Yield(0.001)


INT = ctypes.c_int


class Derived(ctypes.c_int):
    pass


class Pair(ctypes.Structure):
    _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_int))


NUMBERS = (ctypes.c_int * 3)(1, 2, 3)


@pytest.mark.parametrize(
    ("name", "result", "kinds", "args"),
    [
        ("small", ctypes.c_byte, (ctypes.c_byte, ctypes.c_ubyte, ctypes.c_short, ctypes.c_bool), (-100, 250, -3, True)),
        ("yes", ctypes.c_bool, (INT,), (256,)),
        ("yes", ctypes.c_bool, (INT,), (0,)),
        (
            "mixed",
            ctypes.c_int64,
            (INT, ctypes.c_double, ctypes.c_int64, ctypes.c_double, ctypes.c_uint, ctypes.c_double),
            (-1, 2.0, -3, 4.0, 2**32 - 5, 6.0),
        ),
        ("half", ctypes.c_double, (ctypes.c_double,), (3,)),
        ("big", ctypes.c_uint64, (ctypes.c_uint64,), (2**64 - 1,)),
        ("big", ctypes.c_int64, (ctypes.c_int64,), (-(2**63),)),
        ("text", ctypes.c_char_p, (ctypes.c_char_p,), (b"words",)),
        ("text", ctypes.c_char_p, (ctypes.c_char_p,), (None,)),
        ("text", ctypes.c_wchar_p, (ctypes.c_wchar_p,), ("words",)),
        ("address", ctypes.c_void_p, (ctypes.c_void_p,), (2**63 + 5,)),
        ("address", ctypes.c_void_p, (ctypes.c_void_p,), (NUMBERS,)),
        ("address", ctypes.c_void_p, None, (None,)),
        ("many", INT, (INT,) * 6, (1, 2, 3, 4, 5, -60)),
        ("many", INT, None, (1, 2, 3, 4, 5, Derived(6))),
        ("half", ctypes.c_double, None, (ctypes.c_double(5),)),
    ],
)
def test_arguments_and_results_are_what_ctypes_makes_of_them(c, name, result, kinds, args):
    function = getattr(ctypes.CDLL(c._name), name)
    function.restype = result
    if kinds is not None:
        function.argtypes = kinds
    assert foreign(function, args) is not None
    assert offload(function, *args) == function(*args)


def test_memory_of_the_caller_is_written_to(c):
    number = ctypes.c_int(21)
    twice = typed(c.twice, None, ctypes.POINTER(ctypes.c_int))
    assert offload(twice, number) is None
    assert offload(twice, ctypes.byref(number)) is None
    assert offload(twice, NUMBERS) is None
    assert (number.value, NUMBERS[0]) == (84, 2)
    NUMBERS[0] = 1
    same = typed(c.same, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    assert offload(same, ctypes.pointer(number)).contents.value == 84
    derived = typed(ctypes.CDLL(c._name).many, Derived)
    assert type(offload(derived, 1, 2, 3, 4, 5, 6)) is Derived


def test_a_callback_reaches_python(c):
    function = ctypes.CFUNCTYPE(INT, INT)(lambda number: number + 1)
    call = typed(c.call, INT, type(function), INT)
    assert foreign(call, (function, 41)) is not None
    assert offload(call, function, 41) == 42


def test_errno_and_errcheck_are_ctypes_own(c):
    loaded = ctypes.CDLL(c._name, use_errno=True)
    ctypes.set_errno(0)
    assert offload(loaded.fails) == -1
    assert ctypes.get_errno() == errno.ENOENT

    def check(result, function, args):
        raise OSError(ctypes.get_errno(), "checked")

    loaded.fails.errcheck = check
    job = Job(loaded.fails)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            job.Wait()


@pytest.mark.parametrize(
    ("name", "kinds", "args", "result"),
    [
        ("too_many", (INT,) * 7, range(7), 21),
        ("by_value", (Pair,), (Pair(3, 4),), 7),
    ],
)
def test_what_only_ctypes_can_call_it_calls_itself(c, name, kinds, args, result):
    function = typed(getattr(ctypes.CDLL(c._name), name), INT, *kinds)
    assert foreign(function, tuple(args)) is None
    assert offload(function, *args) == result


def test_functions_that_need_the_interpreter_get_a_thread_of_pythons():
    assert foreign(ctypes.pythonapi.Py_IsInitialized, ()) is None
    assert offload(ctypes.pythonapi.Py_IsInitialized) == 1


@pytest.mark.parametrize("args", [(), ("no number",), (1.5,)])
def test_wrong_arguments_are_ctypes_own_error(c, args):
    hold = typed(ctypes.CDLL(c._name).hold, INT, INT)
    with pytest.raises((TypeError, ctypes.ArgumentError)):
        offload(hold, *args)


def test_no_thread_of_pythons_is_involved(c):
    before = threading.active_count()
    with Pool(threads=1) as pool:
        assert offload(typed(c.thread, ctypes.c_uint64), pool=pool) != threading.get_ident()
        assert pool._made == 0
    assert threading.active_count() == before


def test_tasks_run_while_a_call_does(c):
    jobs = [Job(c.hold, number) for number in range(3)]
    tasks = [Spawn(jobs[0].Wait), Spawn(wait, [jobs[0], Event()]), Spawn(wait, [Event(), jobs[0]])]
    with pytest.raises(Timedout):
        jobs[1].Wait(0.001)
    assert wait([*jobs, Event()], 0.001) == []
    assert not any(jobs)
    c.let_go(3)
    assert WaitForAll(jobs, 60) == [0, 1, 2]
    assert [task.Wait(60) for task in tasks] == [0, [(jobs[0], 0)], [(jobs[0], 0)]]
    assert wait(jobs) == [(jobs[0], 0), (jobs[1], 1), (jobs[2], 2)]


def test_a_full_pool_makes_the_caller_wait(c):
    with Pool(threads=2, bound=2) as pool:
        task = Spawn(lambda: [Job(c.hold, number, pool=pool) for number in range(10)])
        Yield(0.001)
        assert not task
        c.let_go(10)
        assert WaitForAll(task.Wait(60), 60) == list(range(10))


def test_who_waits_for_room_gets_that_of_a_call_given_up(c):
    with Pool(threads=1, bound=1) as pool:
        first = Job(c.hold, 1, pool=pool)
        begun(c, 1)
        second = Job(c.hold, 2, pool=pool)
        tasks = [Spawn(Job, c.hold, 3, pool=pool, raise_on_wait=True)]
        Yield()
        second.AbortWait()
        tasks[0].Wait(60)
        tasks += [Spawn(Job, c.hold, number, pool=pool, raise_on_wait=True) for number in (4, 5)]
        tasks.append(Spawn(first.Wait))
        Yield(0.001)
        c.let_go(4)
        assert [job.Wait(60) for job in WaitForAll(tasks[:3], 60)] == [3, 4, 5]
        assert tasks[3].Wait(60) == 1


def test_who_waits_for_room_is_told_when_the_pool_is_closed(c):
    pool = Pool(threads=1, bound=1)
    jobs = [Job(c.hold, number, pool=pool) for number in range(1)]
    begun(c, 1)
    jobs.append(Job(c.hold, 1, pool=pool))
    task = Spawn(Job, c.hold, 2, pool=pool, raise_on_wait=True)
    Yield()
    pool.close()
    with pytest.raises(Misuse):
        task.Wait(60)
    c.let_go(2)
    assert WaitForAll(jobs, 60) == [0, 1]


def test_what_is_stuck_in_one_pool_delays_nothing_in_another(c):
    with Pool(threads=4) as pool:
        stuck = [Job(c.hold, 0, pool=pool) for _ in range(64)]
        assert offload(c.many, 1, 2, 3, 4, 5, 6) == 21
        c.let_go(64)
        WaitForAll(stuck, 60)


def test_a_call_given_up_before_it_began_is_not_made(c):
    counter = ctypes.c_int.in_dll(c, "begun")
    with Pool(threads=1) as pool:
        first = Job(c.hold, 0, pool=pool)
        begun(c, 1)
        second = Job(c.hold, 0, pool=pool)
        waiting = Spawn(wait, [second, Event()])
        Yield()
        second.AbortWait()
        ((_, value),) = waiting.Wait(60)
        assert isinstance(value, Misuse)
        with pytest.raises(Misuse):
            second.Wait()
        interrupted = Spawn(offload, c.hold, 0, pool=pool, raise_on_wait=True)
        Yield()
        cothread._scheduler.throw(interrupted._task, ValueError("thrown"))
        with pytest.raises(ValueError, match="thrown"):
            interrupted.Wait()
        c.let_go(1)
        first.Wait(60)
        assert offload(c.many, 1, 2, 3, 4, 5, 6, pool=pool) == 21
        assert counter.value == 1


def test_memory_lasts_as_long_as_a_call_that_nobody_waits_for(c):
    fill = typed(c.fill, None, ctypes.c_char_p, INT)
    for give_up in (Job.AbortWait, Job.__repr__):
        ctypes.c_int.in_dll(c, "begun").value = 0
        jobs = [Job(fill, ctypes.create_string_buffer(100_000), 100_000) for _ in range(8)]
        begun(c, 8)
        for job in jobs:
            give_up(job)
        del job, jobs
    gc.collect()
    assert len(_offload._running) == 16
    c.let_go(16)
    while _offload._running:
        offload(c.many, 1, 2, 3, 4, 5, 6)  # each call looks after those
        Yield(0.001)


def test_a_closed_pool_carries_out_what_it_accepted(c):
    pool = Pool(threads=1)
    jobs = [Job(c.hold, number, pool=pool) for number in range(3)]
    pool.close()
    with pytest.raises(Misuse):
        Job(c.hold, 9, pool=pool)
    c.let_go(3)
    assert WaitForAll(jobs, 60) == [0, 1, 2]
    assert pool._handle == 0


def test_the_librarys_objects_go_with_pythons(c):
    handles = []
    for _ in range(3):
        pool = Pool()
        offload(c.many, 1, 2, 3, 4, 5, 6, pool=pool)
        handles.append(pool._handle)
        del pool
        gc.collect()
        Yield()
    for handle in handles:
        with pytest.raises(cothread.LibraryError):
            cothread._scheduler.core.close(handle)


def test_other_threads_start_none(c):
    assert isinstance(offload(lambda: _raised(Job, c.many, 1)), Misuse)


def _raised(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error


def test_a_stuck_call_does_not_keep_the_program_from_ending(run_script):
    done = run_script(
        f"""
        import ctypes, cothread
        c = ctypes.CDLL({ctypes.util.find_library("c")!r})
        job = cothread.Job(c.pause)
        print("end", {os.getpid()} > 0)
        """
    )
    assert done.stdout == "end True\n"
