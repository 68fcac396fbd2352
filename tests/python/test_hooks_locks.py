# SPDX-License-Identifier: Apache-2.0
"""The hooks of threading and queue: between tasks, between threads, and between both."""

import pytest
from cothread import Spawn, Timedout, Yield, _locks


def spawn(function, *args):
    task = Spawn(function, *args, raise_on_wait=True)
    Yield()
    return task


def test_a_lock_suspends_tasks_and_is_theirs_in_turn():
    lock = _locks.Lock()
    order = []

    def work(name):
        with lock:
            order.append(name)
            Yield()
            order.append(name)

    tasks = [spawn(work, name) for name in "abc"]
    for task in tasks:
        task.Wait(60)
    assert order == list("aabbcc")
    assert not lock.locked()


def test_a_lock_times_out_and_checks_its_arguments():
    lock = _locks.Lock()
    assert lock.acquire()
    assert not lock.acquire(False)
    assert not lock.acquire(timeout=0.001)
    assert not lock.acquire(timeout=0)
    lock.release()
    for wrong in ((False, 1), (True, -2)):
        with pytest.raises(ValueError):
            lock.acquire(*wrong)
    lock.acquire()
    with pytest.raises(OverflowError):
        lock.acquire(True, 1e12)
    lock.release()
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_task_that_leaves_hands_its_chance_on():
    lock = _locks.Lock()
    lock.acquire()
    answers = iter([False])

    def attempt():
        try:
            return next(answers)
        except StopIteration:
            raise KeyError("out") from None

    leaving = spawn(lock._suspend, None, attempt)
    staying = spawn(lock.acquire)
    lock.release()  # wakes the first
    with pytest.raises(KeyError):
        leaving.Wait(60)
    assert staying.Wait(60)


def test_an_rlock_is_owned_by_a_task():
    lock = _locks.RLock()
    with lock, lock:
        task = spawn(lock.acquire, True, 0.001)
        assert task.Wait(60) is False
        other = spawn(lock.release)
        with pytest.raises(RuntimeError, match="un-acquired"):
            other.Wait(60)
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_simple_queue_suspends_tasks():
    queue = _locks.SimpleQueue()
    task = spawn(queue.get)
    assert not task
    queue.put("x")
    assert task.Wait(60) == "x"
    with pytest.raises(Exception, match=r"^$"):
        queue.get(timeout=0.001)
    assert (queue.qsize(), queue.empty()) == (0, True)


def test_a_wait_that_times_out_elsewhere_is_no_harm():
    lock = _locks.Lock()
    with lock:
        task = spawn(lock.acquire)
        with pytest.raises(Timedout):
            task.Wait(0.001)
    assert task.Wait(60)


def test_everything_of_threading_and_queue_works_between_tasks_and_threads(run_script):
    done = run_script(
        """
        import cothread
        cothread.patch_all()
        import queue, threading, time
        from concurrent.futures import ThreadPoolExecutor

        ROUNDS = 200

        def exchange(there, back):
            for number in range(ROUNDS):
                back.put(there.get() + 1)

        def check(kind, start):
            there, back = kind(), kind()
            other = start(exchange, there, back)
            for number in range(ROUNDS):
                there.put(number)
                assert back.get() == number + 1
            other()

        def task(*work):
            return cothread.Spawn(*work, raise_on_wait=True).Wait

        def thread(*work):
            made = threading.Thread(target=work[0], args=work[1:])
            made.start()
            return made.join

        for kind in (queue.Queue, queue.SimpleQueue, lambda: queue.Queue(1), queue.LifoQueue, queue.PriorityQueue):
            for start in (task, thread):
                check(kind, start)
                task(check, kind, start)()

        # A thread is at work on both sides, and in the middle tasks.
        counted = 0
        lock = threading.Lock()
        def count():
            global counted
            for _ in range(ROUNDS):
                with lock:
                    before = counted
                    time.sleep(0)
                    counted = before + 1
        ends = [start(count) for start in (task, thread) * 5]
        for end in ends:
            end()
        assert counted == ROUNDS * 10

        barrier = threading.Barrier(4)
        ends = [start(barrier.wait) for start in (task, thread, task)]
        barrier.wait()
        for end in ends:
            end()

        event = threading.Event()
        end = thread(event.wait)
        assert not event.wait(0.001)
        task(event.set)()
        end()

        condition = threading.Condition()
        told = []
        def listen():
            with condition:
                condition.wait_for(lambda: told, 60)
        ends = [start(listen) for start in (task, thread)]
        with condition:
            told.append(1)
            condition.notify_all()
        for end in ends:
            end()

        gate = threading.BoundedSemaphore(2)
        most = here = 0
        def enter():
            global most, here
            with gate:
                here += 1
                most = max(most, here)
                time.sleep(0.001)
                here -= 1
        ends = [task(enter) for _ in range(6)]
        for end in ends:
            end()
        assert most == 2

        with ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(pow, 2, n) for n in range(10)]
            assert task(lambda: [future.result() for future in futures])() == [2**n for n in range(10)]
            assert list(pool.map(str, range(3))) == ["0", "1", "2"]

        timer = threading.Timer(0.001, told.append, [2])
        timer.start()
        timer.join()
        assert told == [1, 2]
        try: threading.current_thread().join()
        except RuntimeError as error: print(error)
        """
    )
    assert (done.stdout, done.stderr) == ("cannot join current thread\n", "")


def test_joining_a_thread_lets_tasks_run_that_it_waits_for(run_script):
    done = run_script(
        """
        import cothread
        cothread.threading_hook()
        import threading
        thread = threading.Thread(target=cothread.CallbackResult, args=(print, "called"))
        thread.start()
        thread.join(60)
        print(thread.is_alive())
        """
    )
    assert done.stdout == "called\nFalse\n"
