# SPDX-License-Identifier: Apache-2.0
"""Who runs when: whole orders, compared whole."""

import cothread
import pytest
from cothread import Callback, Event, Sleep, Spawn, WaitForAll, Yield, poll_list
from fake_core import EverybodyWaits


def test_yield_is_round_robin(core):
    order = []

    def task(name):
        for n in range(3):
            order.append(f"{name}{n}")
            Yield()

    WaitForAll([Spawn(task, name) for name in "abc"])
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_yield_and_sleep_of_nothing_keep_their_order_of_arrival(core):
    order = []

    def task(name, gives_way):
        for _ in range(2):
            gives_way()
            order.append(name)

    ways = {"a": Yield, "b": lambda: Sleep(0), "c": lambda: Yield(0), "d": lambda: Sleep(0.0), "e": Yield}
    WaitForAll([Spawn(task, name, way) for name, way in ways.items()])
    assert order == [*"abcde"] * 2


def test_a_round_runs_the_signalled_then_descriptors_then_deadlines_then_those_that_yielded(
    core,
):
    order = []
    event = Event()

    def signalled():
        event.Wait()
        order.append("signalled")

    def descriptor():
        assert poll_list([(5, 1)], 100) == [(5, 1)]
        order.append("descriptor")

    def deadline():
        Sleep(1)
        order.append("deadline")

    def yielder():
        Yield()
        order.append("yielder")

    def cause():
        # Everything happens in this one turn.
        Spawn(yielder)
        Sleep(0.5)
        Spawn(yielder_now)
        core.advance(1)
        core.ready_descriptors[5] = 1
        Callback(order.append, "callback")
        event.Signal()

    def yielder_now():
        order.append("spawned")
        Yield()
        order.append("yielder")

    tasks = [Spawn(function) for function in (deadline, descriptor, signalled, cause)]
    WaitForAll(tasks)
    Yield()
    Yield()
    # The first yielder went while everybody else slept.
    assert order == [
        "yielder",
        "spawned",
        "signalled",
        "callback",
        "descriptor",
        "deadline",
        "yielder",
    ]


def test_a_task_woken_in_a_round_runs_in_the_next(core):
    order = []
    event = Event()

    def waiter():
        event.Wait()
        order.append("woken")

    def waker():
        event.Signal()
        order.append("waker")

    def bystander():
        order.append("bystander")

    woken = Spawn(waiter)
    Yield()
    WaitForAll([Spawn(waker), Spawn(bystander), woken])
    assert order == ["waker", "bystander", "woken"]


def test_functions_that_start_and_tasks_that_were_woken_take_turns_in_the_order_they_came(core):
    order = []
    events = [Event() for _ in range(3)]

    def waiter(n):
        events[n].Wait()
        order.append(f"woken {n}")

    waiters = [Spawn(waiter, n) for n in range(3)]
    Yield()
    tasks = []
    for n in range(3):
        tasks += [Spawn(order.append, f"first {n}"), Spawn(order.append, f"second {n}")]
        events[n].Signal()
    WaitForAll(tasks + waiters)
    assert order == [f"{what} {n}" for n in range(3) for what in ("first", "second", "woken")]


def test_sleepers_whose_time_has_passed_wake_in_the_order_of_their_deadlines(core):
    order = []

    def sleeper(seconds):
        Sleep(seconds)
        order.append(seconds)

    WaitForAll([Spawn(sleeper, seconds) for seconds in (0, -2, -1)])
    assert order == [-2, -1, 0]


def test_sleepers_wake_in_the_order_of_their_deadlines_and_then_of_their_calls(core):
    order = []

    def sleeper(name, seconds):
        Sleep(seconds)
        order.append(name)

    WaitForAll([Spawn(sleeper, name, seconds) for name, seconds in (("a", 2), ("b", 1), ("c", 2), ("d", 0))])
    assert order == ["d", "b", "a", "c"]


def test_yield_with_a_timeout_waits_until_nobody_is_ready(core):
    order = []

    def busy():
        for n in range(3):
            order.append(n)
            Yield()

    task = Spawn(busy)
    Yield(10)
    order.append("idle")
    task.Wait()
    assert order == [0, 1, 2, "idle"]


def test_yield_with_a_timeout_waits_no_longer_than_that(core):
    stop = []

    def busy():
        while not stop:
            core.advance(0.01)
            Yield()

    task = Spawn(busy)
    started = core.now()
    Yield(1)
    assert 1_000_000_000 <= core.now() - started < 3_000_000_000
    stop.append(1)
    task.Wait()


def test_yield_without_bound_waits_for_idleness(core):
    order = []
    task = Spawn(lambda: [Yield() for _ in range(5)] and order.append("busy"))
    Yield(None)
    order.append("idle")
    task.Wait()
    assert order == ["busy", "idle"]


def test_rounds_without_a_poll_are_bounded(core):
    """A sleeper gets its turn although somebody is always ready."""
    stop = []
    turns = []

    def busy():
        while not stop:
            turns.append(1)
            Yield()

    task = Spawn(busy)
    core.polls = 0
    sleeper = Spawn(Sleep, 1)
    Yield()
    core.advance(2)
    turns.clear()
    sleeper.Wait()
    assert len(turns) < 200
    stop.append(1)
    task.Wait()


def test_that_nothing_can_ever_happen_is_seen_by_the_fake_core(core):
    with pytest.raises(EverybodyWaits):
        Event().Wait()


def test_an_error_in_the_hub_reaches_main_and_loses_no_task(core):
    """In the original the rest of the round was lost for ever."""
    done = []

    def task(n):
        Sleep(1)
        done.append(n)

    tasks = [Spawn(task, n) for n in range(10)]
    Yield()
    core.failure = OSError("the library failed")
    with pytest.raises(OSError, match="the library failed"):
        Sleep(0.5)
    WaitForAll(tasks)
    assert done == list(range(10))


def test_the_idle_hub_polls_once_per_wake(core):
    core.polls = 0
    for _ in range(10):
        Sleep(1)
    assert core.polls == 10
    assert cothread.cothread.Timedout is cothread.Timedout


def test_switches_are_counted_and_the_turn_is_stamped(core):
    tasks = [Spawn(lambda: (Sleep(1), turns.append(core.stamp[0]))) for _ in range(3)]
    turns = []
    WaitForAll(tasks)
    assert turns[0] in core.tokens
    before = core.stamp[1]
    task = Spawn(lambda: [Yield() for _ in range(100)])
    task.Wait()
    assert 100 <= core.stamp[1] - before <= 300  # its own turns, the hub's, and main's
