# SPDX-License-Identifier: Apache-2.0
"""Many tasks in one queue: whoever leaves it early takes no longer because of the others, and the order stays."""

import random
import threading

import cothread
import pytest
from cothread import Event, EventQueue, Pulse, RLock, Sleep, Spawn, Timedout, Yield, _scheduler
from cothread._scheduler import CROWD

COUNT = 4 * CROWD


class Counted(list):
    """A queue that counts how many of its entries were compared or moved."""

    steps = 0

    def remove(self, entry):
        Counted.steps += self.index(entry) + 1
        super().remove(entry)

    def __delitem__(self, index):
        if isinstance(index, int):
            Counted.steps += len(self) - index % len(self)
        super().__delitem__(index)


def test_leaving_a_crowd_by_a_timeout_is_no_search(core):
    task, order = Spawn(Sleep, 1000), []
    task._waiters, task._owed, Counted.steps = Counted(), 0, 0

    def waiter(n, timeout):
        try:
            task.Wait(timeout)
        except Timedout:
            order.append(n)

    timeouts = random.Random(1).sample(range(1, COUNT + 1), COUNT)
    waiters = [Spawn(waiter, n, timeout) for n, timeout in enumerate(timeouts)]
    Sleep(COUNT + 1)
    cothread.WaitForAll(waiters)
    assert order == sorted(range(COUNT), key=lambda n: timeouts[n])
    assert Counted.steps < 3 * CROWD**2  # the first ones, which are looked for; each looked for: 32 000
    assert not task._waiters
    Sleep(1000)


def test_the_end_of_a_task_wakes_its_crowd_in_order_and_moves_nobody(core):
    task, order = Spawn(Sleep, 1), []
    task._waiters, task._owed, Counted.steps = Counted(), 0, 0
    waiters = [Spawn(lambda n=n: (task.Wait(), order.append(n))) for n in range(COUNT)]
    cothread.WaitForAll(waiters)
    assert order == [*range(COUNT)]
    assert Counted.steps <= COUNT


def wait_for(kind):
    """A thing to wait for, a wait that says what it got, and what serves the first who waits."""
    if kind is RLock:
        lock = RLock()
        lock.acquire()

        def acquire(timeout):
            lock.acquire(timeout)
            lock.release()

        return acquire, lock.release
    thing = kind()
    if kind is Pulse:
        return thing.Wait, lambda: thing.Signal(False)
    return thing.Wait, lambda: thing.Signal(1)


@pytest.mark.parametrize("kind", [Event, EventQueue, Pulse, RLock])
def test_a_crowd_of_which_some_give_up_is_served_in_order(core, kind):
    chance = random.Random(2)
    waits, serve = wait_for(kind)
    order, gone = [], set()

    def waiter(n, timeout):
        try:
            waits(timeout)
        except Timedout:
            gone.add(n)
        except KeyError:
            gone.add(-n)
        else:
            order.append(n)

    timeouts = [chance.choice([None, 10, 1000, 1]) for _ in range(COUNT)]
    tasks = [Spawn(waiter, n, timeout) for n, timeout in enumerate(timeouts)]
    Sleep(2)
    thrown = set(chance.sample([n for n in range(1, COUNT) if timeouts[n] != 1], 50))
    for n in thrown:
        _scheduler.throw(tasks[n]._task, KeyError("thrown"))
    Sleep(20)
    assert gone == {n for n in range(COUNT) if timeouts[n] in (1, 10) and n not in thrown} | {-n for n in thrown}
    left = [n for n in range(COUNT) if timeouts[n] in (None, 1000) and n not in thrown]
    for _ in left:
        serve()
        Yield()
        Yield()
        if kind is RLock:
            break  # each serves the next
    cothread.WaitForAll(tasks)
    assert order == left


def test_an_exception_thrown_at_one_of_a_crowd_that_was_woken_leaves_the_others(core):
    pulse, woken = Pulse(), []

    def waiter(n):
        pulse.Wait()
        woken.append(n)

    tasks = [Spawn(waiter, n, raise_on_wait=True) for n in range(COUNT)]
    Yield()
    victim = COUNT - 10
    _scheduler.throw(tasks[victim]._task, KeyError("thrown"))
    pulse.Signal()
    with pytest.raises(KeyError):
        tasks[victim].Wait()
    cothread.WaitForAll(tasks[:victim] + tasks[victim + 1 :])
    assert woken == [n for n in range(COUNT) if n != victim]


@pytest.mark.parametrize("state", ["event", "deadline", "yielding", "idling", "joining", "lock"])
def test_a_crowd_ends_with_the_program(run_script, state):
    """All of it, though finally blocks wake others that are to end."""
    done = run_script(
        f"""
        import cothread
        from cothread import _scheduler
        _scheduler._EXIT_GRACE_S = 60
        ended = [0]
        event, lock, forever = cothread.Event(), cothread.RLock(), cothread.Spawn(cothread.Sleep, None)
        def spin():
            while True:
                cothread.Yield()
        def task():
            try:
                {{
                    "event": event.Wait,
                    "deadline": lambda: event.Wait(1000),
                    "yielding": spin,
                    "idling": lambda: cothread.Yield(None),
                    "joining": forever.Wait,
                    "lock": lambda: lock.acquire(),
                }}[{state!r}]()
            finally:
                ended[0] += 1
                event.Signal()
        for _ in range(3000):
            cothread.Spawn(task)
        if {state!r} == "idling":
            cothread.Spawn(spin)
        cothread.Yield()
        cothread.Yield()
        import atexit
        atexit._run_exitfuncs()
        print(ended[0])
        """
    )
    assert (done.stdout, done.stderr) == ("3000\n", "")


def test_the_program_ends_though_there_is_no_time_to_tell_all(run_script):
    done = run_script(
        """
        import cothread
        from cothread import _scheduler
        _scheduler._EXIT_GRACE_S = 0
        for _ in range(1000):
            cothread.Spawn(cothread.Sleep, None)
        cothread.Yield()
        """
    )
    assert "tasks did not end at exit: Sleep, Sleep" in done.stderr


def test_a_thread_may_post_to_a_crowd():
    order, event = [], EventQueue()
    tasks = [Spawn(lambda: order.append(event.Wait(60))) for _ in range(COUNT)]
    Yield()
    thread = threading.Thread(target=lambda: [cothread.Callback(event.Signal, n) for n in range(COUNT)])
    thread.start()
    cothread.WaitForAll(tasks)
    thread.join()
    assert order == [*range(COUNT)]
