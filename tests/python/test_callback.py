# SPDX-License-Identifier: Apache-2.0
import ctypes
import subprocess
import threading

import cothread
import pytest
from cothread import (
    Callback,
    CallbackFull,
    CallbackResult,
    Event,
    Sleep,
    Spawn,
    Timedout,
    Yield,
    _scheduler,
)


def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def test_a_callback_runs_in_the_schedulers_thread():
    done = Event()
    in_thread(Callback, lambda: done.Signal(threading.get_ident())).join()
    assert done.Wait(60) == cothread.scheduler_thread_id


def test_a_callback_wakes_an_idle_scheduler():
    """The hub is asleep for sure: the event that ends the wait of main comes from the thread alone."""
    event = Event()
    asleep = threading.Event()

    def when_asleep():
        asleep.wait()
        while not _scheduler.asleep:
            pass
        Callback(event.Signal, "woken")

    thread = in_thread(when_asleep)
    asleep.set()
    assert event.Wait(60) == "woken"
    thread.join()


def test_callbacks_of_a_thread_run_in_order():
    order = []
    done = Event()

    def post():
        for n in range(5000):
            Callback(order.append, n)
        Callback(done.Signal)

    in_thread(post)
    done.Wait(60)
    assert order == list(range(5000))


def test_callbacks_from_many_threads_lose_nothing():
    order = []
    done = Event()
    threads = 8

    def post(name):
        for n in range(2000):
            Callback(order.append, (name, n))
        Callback(done.Signal)

    for name in range(threads):
        in_thread(post, name)
    while len(order) < threads * 2000:
        done.Wait(60)
    for name in range(threads):
        assert [n for who, n in order if who == name] == list(range(2000))


def test_an_action_that_waits_holds_the_queue(core):
    order = []

    def slow():
        order.append("slow begins")
        Sleep(1)
        order.append("slow ends")

    Callback(slow)
    Callback(order.append, "behind")
    Sleep(2)
    assert order == ["slow begins", "slow ends", "behind"]


def test_separate_queues_do_not_hold_each_other(core):
    order = []
    other = cothread.cothread._Callback()
    Callback(lambda: (Sleep(1), order.append("first")))
    other(order.append, "second")
    Sleep(2)
    assert order == ["second", "first"]


def test_values_has_what_is_pending(core):
    Callback(Yield)
    Callback(Yield)
    assert len(Callback.values) == 2
    Sleep(1)
    assert len(Callback.values) == 0
    assert isinstance(Callback, cothread.cothread._Callback)


def test_an_exception_is_reported_and_the_queue_goes_on(core, capsys):
    order = []
    Callback(lambda: 1 / 0)
    Callback(order.append, "next")
    Sleep(1)
    assert order == ["next"]
    error = capsys.readouterr().err
    assert error.startswith("Asynchronous callback <lambda> raised uncaught exception\nTraceback")
    assert "ZeroDivisionError" in error


def test_a_callback_that_posts_itself_for_ever_starves_nobody(core):
    """In the original everything else stood still."""
    posts = []

    def again():
        posts.append(1)
        core.advance(0.001)
        if not stop:
            Callback(again)

    stop = []
    Callback(again)
    Sleep(1)
    stop.append(1)
    assert len(posts) < 10_000
    Sleep(1)


def test_above_a_million_a_callback_is_refused_with_a_word(core):
    queue = cothread.cothread._Callback()
    queue._bound = 10  # the rule is the same for fewer
    for _ in range(10):
        queue(Yield)
    with pytest.raises(CallbackFull, match="10 callbacks are pending"):
        queue(Yield)
    assert cothread.cothread._Callback()._bound == 1_000_000
    Sleep(1)
    assert not queue.values


def test_a_callback_is_a_value(core):
    from functools import partial

    done = []
    partial(Callback, done.append)(1)
    Callback(Spawn, done.append, 2)
    Sleep(1)
    assert done == [1, 2]


def test_result_comes_back_to_the_thread():
    results = []
    finished = Event()

    def thread():
        results.append(CallbackResult(lambda a, b: (a + b, threading.get_ident()), 1, b=2))
        Callback(finished.Signal)

    in_thread(thread)
    finished.Wait(60)
    assert results == [(3, cothread.scheduler_thread_id)]


def test_result_in_the_schedulers_thread_is_a_plain_call():
    assert CallbackResult(lambda: 5) == 5
    with pytest.raises(KeyError):
        CallbackResult({}.__getitem__, 1)


def test_result_raises_what_the_action_raised():
    caught = []
    finished = Event()

    def thread():
        try:
            CallbackResult({}.__getitem__, "key")
        except KeyError as error:
            caught.append(error)
        Callback(finished.Signal)

    in_thread(thread)
    finished.Wait(60)
    assert [str(error) for error in caught] == ["'key'"]


@pytest.mark.parametrize("spawn", [True, False])
def test_result_times_out_and_the_action_runs_to_its_end(spawn):
    caught = []
    timed_out = Event()
    ended = Event()

    def action():
        timed_out.Wait()
        ended.Signal("ran to its end")

    def thread():
        try:
            CallbackResult(
                action,
                callback_timeout=0.001,
                callback_spawn=spawn,
                callback_queue=queue,
            )
        except Timedout as error:
            caught.append(str(error))
        Callback(timed_out.Signal)

    queue = cothread.cothread._Callback()
    in_thread(thread)
    assert ended.Wait(60) == "ran to its end"
    assert caught == ["Timed out waiting for callback result"]


def test_an_action_of_a_result_that_waits_does_not_hold_the_queue():
    order = []
    go_on = Event()
    finished = Event()

    def slow():
        CallbackResult(lambda: (go_on.Wait(), order.append("slow")))
        Callback(finished.Signal)

    def quick():
        CallbackResult(order.append, "quick")
        Callback(go_on.Signal)

    in_thread(slow)
    in_thread(quick)
    finished.Wait(60)
    assert order == ["quick", "slow"]


@pytest.fixture(scope="module")
def c_thread(tmp_path_factory):
    """A C library that calls a function from a thread Python did not make."""
    folder = tmp_path_factory.mktemp("c")
    (folder / "caller.c").write_text(
        """
        #include <pthread.h>
        static void (*action)(int);
        static int times;
        static void *run(void *unused) {
            (void)unused;
            for (int n = 0; n < times; n++) action(n);
            return 0;
        }
        int start(void (*function)(int), int count) {
            pthread_t thread;
            action = function;
            times = count;
            return pthread_create(&thread, 0, run, 0) || pthread_detach(thread);
        }
        """
    )
    subprocess.run(
        [
            "gcc",
            "-shared",
            "-fPIC",
            "-pthread",
            "-o",
            folder / "caller.so",
            folder / "caller.c",
        ],
        check=True,
    )
    return ctypes.CDLL(str(folder / "caller.so"))


def test_callbacks_from_a_thread_written_in_c(c_thread):
    order = []
    done = Event()

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def from_c(n):
        Callback(order.append, n)
        if n == 999:
            Callback(done.Signal)

    assert c_thread.start(from_c, 1000) == 0
    done.Wait(60)
    assert order == list(range(1000))


def test_what_cannot_be_called_nor_shown_holds_nobody_up(core, capsys):
    class Bad:
        def __repr__(self):
            raise ValueError("no repr")

    ran = []
    Callback(Bad())
    Callback(ran.append, 1)
    Sleep(1)
    assert ran == [1]
    assert "Asynchronous callback a Bad whose repr fails raised" in capsys.readouterr().err


def test_what_cannot_be_called_is_named(core, capsys):
    Callback("not a function")
    Sleep(1)
    assert "Asynchronous callback 'not a function' raised" in capsys.readouterr().err
