# SPDX-License-Identifier: Apache-2.0
import pytest
from cothread import EventQueue, Misuse, Spawn, Timedout, WaitForAll, Yield


def test_values_come_out_in_order_and_without_a_switch(core):
    queue = EventQueue()
    for value in range(3):
        assert queue.Signal(value) is True
    assert len(queue) == 3
    assert queue
    assert [queue.Wait() for _ in range(3)] == [0, 1, 2]
    assert not queue


def test_an_empty_queue_times_out(core):
    with pytest.raises(Timedout):
        EventQueue().Wait(1)


def test_each_signal_wakes_one_waiter(core):
    queue = EventQueue()
    tasks = [Spawn(queue.Wait) for _ in range(3)]
    Yield()
    for value in "abc":
        queue.Signal(value)
    assert WaitForAll(tasks) == ["a", "b", "c"]


def test_a_greedy_consumer_takes_all(core):
    queue = EventQueue()
    taken = []

    def consumer(name):
        for value in queue:
            taken.append((name, value))

    tasks = [Spawn(consumer, name) for name in "ab"]
    Yield()
    for value in range(3):
        queue.Signal(value)
    Yield()
    assert taken == [("a", 0), ("a", 1), ("a", 2)]
    queue.close()
    WaitForAll(tasks)


def test_a_full_queue_answers_false(core):
    queue = EventQueue(max_length=2)
    assert [queue.Signal(n) for n in range(3)] == [True, True, False]
    assert EventQueue(0).Signal(1) is False


def test_a_closed_queue_gives_what_it_has_and_then_stops(core):
    queue = EventQueue()
    queue.Signal(1)
    queue.close()
    with pytest.raises(Misuse, match="closed"):
        queue.Signal(2)
    assert list(queue) == [1]
    with pytest.raises(StopIteration):
        queue.Wait()


def test_close_wakes_all_waiters(core):
    queue = EventQueue()
    tasks = [Spawn(list, queue) for _ in range(2)]
    Yield()
    queue.close()
    assert WaitForAll(tasks) == [[], []]


def test_abort_wait_and_reset(core):
    queue = EventQueue()
    queue.Signal(1)
    queue.Signal(2)
    queue.AbortWait()
    assert queue.Wait() == 2
    queue.AbortWait()
    queue.Signal(3)
    assert not queue
    queue.Signal(4)
    queue.Reset()
    assert not queue


def test_abort_wait_takes_nothing_from_a_real_waiter(core):
    queue = EventQueue()
    waiter = Spawn(queue.Wait, 1)
    Yield()
    queue.AbortWait()
    queue.Signal("mine")
    assert waiter.Wait() == "mine"
