# SPDX-License-Identifier: Apache-2.0
import threading

import pytest
from cothread import CallbackFull, CallbackQueue, Event, Sleep, Spawn, Yield


def nothing():
    pass


def test_refuse_answers_false_when_full_and_true_otherwise(kernel):
    ran = []
    queue = CallbackQueue(bound=2, policy="refuse")
    assert [queue(ran.append, n) for n in range(4)] == [True, True, False, False]
    assert (queue.depth, queue.high_water, queue.refused) == (2, 2, 2)
    Sleep(1)
    assert ran == [0, 1]
    assert (queue.depth, queue.high_water) == (0, 2)
    assert queue(ran.append, 5) is True
    Sleep(1)
    assert ran == [0, 1, 5]


def test_replace_keeps_the_latest_of_a_key_in_the_place_of_the_first(kernel):
    ran = []
    queue = CallbackQueue(policy="replace")
    for key, value in ("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5):
        assert queue(ran.append, (key, value), key=key)
    assert queue.depth == 3
    Sleep(1)
    assert ran == [("a", 5), ("b", 2), ("c", 4)]
    assert queue.replaced == 2


def test_the_key_is_the_action_if_none_is_given(kernel):
    ran, other = [], []
    append, append_other = ran.append, other.append
    queue = CallbackQueue(policy="replace")
    queue(append, 1)
    queue(append_other, 2)
    queue(append, 3)
    Sleep(1)
    assert (ran, other) == ([3], [2])


def test_a_new_key_is_refused_when_full_but_an_old_one_replaced(kernel):
    ran = []
    queue = CallbackQueue(bound=1, policy="replace")
    assert queue(ran.append, 1, key="a")
    assert not queue(ran.append, 2, key="b")
    assert queue(ran.append, 3, key="a")
    assert (queue.refused, queue.replaced, queue.high_water) == (1, 1, 1)
    Sleep(1)
    assert ran == [3]


def test_the_latest_value_always_arrives():
    """Two threads replace while the tasks take: what was posted last of each key is what runs last."""
    last = {}
    counts = []
    done = Event()
    queue = CallbackQueue(bound=4, policy="replace")

    def receive(key, value):
        assert last.get(key, -1) < value
        last[key] = value
        counts.append(1)
        if last.get("a") == last.get("b") == 20_000:
            done.Signal()

    def post(key):
        for value in range(20_001):
            queue(receive, key, value, key=key)

    for key in "ab":
        threading.Thread(target=post, args=(key,)).start()
    done.Wait(30)
    assert len(counts) + queue.replaced == 2 * 20_001


def test_block_makes_a_thread_wait_and_loses_nothing():
    ran = []
    done = Event()
    queue = CallbackQueue(bound=16)

    def post(name):
        for n in range(3000):
            assert queue(ran.append, (name, n)) is True
        queue(done.Signal)

    for name in "ab":
        threading.Thread(target=post, args=(name,)).start()
    while len(ran) < 6000:
        done.Wait(30)
    for name in "ab":
        assert [n for who, n in ran if who == name] == list(range(3000))
    # Each of two threads may find the last place free at the same moment.
    assert queue.high_water <= 16 + 1


def test_block_suspends_a_task(kernel):
    ran = []
    queue = CallbackQueue(bound=2)
    order = []

    def post():
        for n in range(5):
            queue(ran.append, n)
            order.append(n)
        order.append("posted")

    task = Spawn(post)
    Yield()
    assert order == [0, 1]
    task.Wait()
    Sleep(1)
    assert ran == [0, 1, 2, 3, 4]


def test_a_callback_that_fills_its_own_queue_gets_an_error_instead_of_a_deadlock(kernel, capsys):
    queue = CallbackQueue(bound=2)

    def fill():
        for _ in range(10):
            queue(nothing)

    queue(fill)
    Sleep(1)
    assert "CallbackFull" in capsys.readouterr().err
    assert queue.depth == 0


def test_an_exception_of_an_action_is_reported(kernel, capsys):
    queue = CallbackQueue()
    queue(lambda: 1 / 0)
    Sleep(1)
    assert "Asynchronous callback raised uncaught exception" in capsys.readouterr().err


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="bound is 0"):
        CallbackQueue(0)
    with pytest.raises(ValueError, match="'drop'"):
        CallbackQueue(policy="drop")


def test_the_options_can_be_read():
    queue = CallbackQueue(7, "refuse")
    assert (queue.bound, queue.policy) == (7, "refuse")
    with pytest.raises(CallbackFull):
        raise CallbackFull
