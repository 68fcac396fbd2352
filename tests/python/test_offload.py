# SPDX-License-Identifier: Apache-2.0
import contextvars
import gc
import threading
import traceback
import weakref

import cothread
import pytest
from cothread import Event, Job, Misuse, Pool, Spawn, Timedout, WaitForAll, Yield, offload, wait


@pytest.fixture
def gates():
    """Locks at which threads of a pool are held; all are open at the end."""
    made = []

    def make():
        made.append(threading.Event())
        return made[-1]

    yield make
    for gate in made:
        gate.set()


def held(gate, value=None):
    assert gate.wait(60)
    return value


def test_a_call_runs_on_another_thread_while_tasks_run(gates):
    gate = gates()
    task = Spawn(gate.set)
    assert offload(lambda: (held(gate), threading.get_ident())[1]) != threading.get_ident()
    task.Wait()


def test_arguments_and_result_pass_through():
    assert offload(int, "ff", base=16) == 255
    assert Job(divmod, 7, 2).Wait() == (3, 1)


def test_an_exception_is_carried_over_with_its_traceback():
    def failing():
        raise ValueError("from the thread")

    with pytest.raises(ValueError, match="from the thread") as caught:
        offload(failing)
    assert "failing" in "".join(traceback.format_tb(caught.value.__traceback__))
    job = Job(failing)
    depths = []
    for _ in range(2):
        with pytest.raises(ValueError, match="from the thread") as caught:
            job.Wait(60)
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert depths[0] == depths[1]
    ((_, value),) = wait([job])
    assert value is caught.value


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_would_end_a_thread_is_carried_over_too(error):
    def ending():
        raise error

    with pytest.raises(error):
        offload(ending)
    assert offload(int) == 0


def test_the_call_sees_a_copy_of_the_context():
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("caller")

    def see():
        seen = variable.get()
        variable.set("thread")
        return seen

    assert contextvars.copy_context().run(offload, see) == "caller"
    assert variable.get() == "caller"


def test_a_wait_for_a_job_can_end_before_it(gates):
    gate = gates()
    job = Job(held, gate, "late")
    with pytest.raises(Timedout):
        job.Wait(0.001)
    assert wait([job, Event()], 0.001) == []
    assert not job
    gate.set()
    assert wait([job]) == [(job, "late")]
    assert job
    assert job.Wait() == "late"


def test_all_who_wait_for_a_job_get_its_outcome(gates):
    gate = gates()
    job = Job(held, gate, "outcome")
    tasks = [Spawn(job.Wait), Spawn(wait, [job, Event()]), Spawn(job.Wait)]
    Yield()
    gate.set()
    assert WaitForAll(tasks) == ["outcome", [(job, "outcome")], "outcome"]


def test_a_pool_has_so_many_threads_and_holds_so_many_calls(gates):
    gate = gates()
    with Pool(threads=2, bound=3) as pool:
        begun, lock = [], threading.Lock()

        def call(number):
            with lock:
                begun.append(number)
            return held(gate, number)

        jobs = [Job(call, number, pool=pool) for number in range(2)]
        while len(begun) < 2:
            Yield(0.001)
        jobs += [Job(call, number, pool=pool) for number in range(2, 5)]
        more = Spawn(lambda: [Job(call, number, pool=pool) for number in range(5, 9)])
        Yield()
        assert not more  # it waits for room
        assert sorted(begun) == [0, 1]
        gate.set()
        jobs += more.Wait(60)
        assert WaitForAll(jobs, 60) == list(range(9))
        assert pool._made == 2


def test_what_is_stuck_in_one_pool_delays_nothing_in_another(gates):
    gate = gates()
    with Pool(threads=4) as pool:
        stuck = [Job(held, gate, pool=pool) for _ in range(64)]
        assert offload(int, "7") == 7
        gate.set()
        WaitForAll(stuck, 60)


def test_threads_are_used_again():
    with Pool(threads=8) as pool:
        threads = {offload(threading.get_ident, pool=pool)}
        while not pool._idle:
            Yield(0.001)
        threads.add(offload(threading.get_ident, pool=pool))
        assert len(threads) == pool._made == 1


def test_a_call_given_up_before_it_began_is_not_made(gates):
    gate = gates()
    called = []
    with Pool(threads=1) as pool:
        first = Job(held, gate, pool=pool)
        given_up = Job(called.append, "given up", pool=pool)
        given_up.AbortWait()
        interrupted = Spawn(offload, called.append, "interrupted", pool=pool, raise_on_wait=True)
        Yield()
        cothread._scheduler.throw(interrupted._task, ValueError("thrown"))
        with pytest.raises(ValueError, match="thrown"):
            interrupted.Wait()
        last = Job(called.append, "last", pool=pool)
        gate.set()
        WaitForAll([first, last], 60)
        assert called == ["last"]
        with pytest.raises(Misuse):
            given_up.Wait()
        with pytest.raises(Misuse):
            wait([given_up])


def test_a_job_aborted_while_it_is_waited_for_is_reported(gates):
    gate = gates()
    job = Job(held, gate)
    task = Spawn(wait, [job, Event()])
    Yield()
    job.AbortWait()
    ((_, value),) = task.Wait()
    assert isinstance(value, Misuse)


def test_a_late_outcome_is_dropped(gates):
    gate = gates()

    class Outcome:
        pass

    begun, made = [], []

    def call():
        begun.append(True)
        held(gate)
        outcome = Outcome()
        made.append(weakref.ref(outcome))
        return outcome

    with Pool(threads=1) as pool:
        task = Spawn(offload, call, pool=pool, raise_on_wait=True)
        while not begun:
            Yield(0.001)
        cothread._scheduler.throw(task._task, ValueError("thrown"))
        with pytest.raises(ValueError, match="thrown"):
            task.Wait()
        gate.set()
        offload(int, pool=pool)  # after it, on the same thread
        Yield()
        gc.collect()
        assert made[0]() is None


def test_a_closed_pool_accepts_nothing_and_carries_out_the_rest(gates):
    gate = gates()
    pool = Pool(threads=1, bound=1)
    running = Job(held, gate, "running", pool=pool)
    while pool._jobs.qsize():
        Yield(0.001)
    queued = Job(int, "7", pool=pool)
    waiting = Spawn(Job, int, pool=pool, raise_on_wait=True)
    Yield()
    pool.close()
    pool.close()
    with pytest.raises(Misuse):
        waiting.Wait()
    with pytest.raises(Misuse):
        offload(int, pool=pool)
    gate.set()
    assert WaitForAll([running, queued], 60) == ["running", 7]


def test_the_threads_of_a_pool_end_with_it():
    def ours():
        return [thread for thread in threading.enumerate() if thread.name == "one of a pool"]

    for close in (Pool.close, lambda pool: None):
        pool = Pool(threads=1)
        offload(lambda: setattr(threading.current_thread(), "name", "one of a pool"), pool=pool)
        (thread,) = ours()
        close(pool)
        del pool
        gc.collect()
        thread.join(60)
        assert not ours()


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"bound": -1}])
def test_a_pool_has_at_least_one_thread_and_room_for_one_call(wrong):
    with pytest.raises(ValueError, match="at least one"):
        Pool(**wrong)
    with pytest.raises(TypeError):
        Pool(**dict.fromkeys(wrong, "many"))


def test_what_cannot_be_called_and_what_is_no_pool_are_refused():
    with pytest.raises(TypeError, match="7"):
        offload(7)
    with pytest.raises(TypeError, match="threads"):
        offload(int, pool="threads")


def test_other_threads_do_not_offload():
    with pytest.raises(Misuse):
        offload(offload, int)


def test_a_stuck_call_does_not_keep_the_program_from_ending(run_script):
    done = run_script(
        """
        import threading, cothread
        job = cothread.Job(threading.Event().wait)
        print("end")
        """
    )
    assert done.stdout == "end\n"
