# SPDX-License-Identifier: Apache-2.0
"""Values between tasks and threads, in both directions."""

import os
import threading

import pytest
from cothread import Sleep, Spawn, ThreadedEventQueue, Timedout, WaitForAll, Yield, poll_list
from cothread.coselect import POLLIN


def in_thread(function):
    """Runs it while tasks go on; what it returns or raises."""
    outcome = []

    def run():
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        Sleep(0.001)
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def test_values_come_out_in_order_and_none_blocks_who_signals():
    queue = ThreadedEventQueue()
    for n in range(70_000):  # the original froze at 65 537
        queue.Signal(n)
    assert len(queue) == 70_000
    assert [queue.Wait() for _ in range(70_000)] == [*range(70_000)]


def test_a_task_waits_for_a_thread():
    queue = ThreadedEventQueue()
    task = Spawn(queue.Wait, 60)
    Yield()
    in_thread(lambda: queue.Signal("from a thread"))
    assert task.Wait() == "from a thread"


def test_a_thread_waits_for_a_task():
    queue = ThreadedEventQueue()

    def signal():
        while not queue._gates:
            Sleep(0.001)
        queue.Signal("from a task")

    Spawn(signal)
    assert in_thread(lambda: queue.Wait(60)) == "from a task"
    assert not queue._gates


def test_a_task_signals_another(core):
    queue = ThreadedEventQueue()
    tasks = [Spawn(queue.Wait) for _ in range(2)]
    Yield()
    queue.Signal(1)
    queue.Signal(2)
    assert WaitForAll(tasks) == [1, 2]


def test_a_timeout_takes_nothing(core):
    queue = ThreadedEventQueue()
    with pytest.raises(Timedout, match="Timed out waiting for signal"):
        queue.Wait(1)
    with pytest.raises(Timedout):
        in_thread_of_its_own(lambda: queue.Wait(0.001))
    queue.Signal(1)
    assert queue.Wait(0) == 1


def in_thread_of_its_own(function):
    caught = []

    def run():
        try:
            function()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    raise caught[0]


def test_four_threads_and_four_tasks_each_way_lose_nothing():
    queue, taken, count = ThreadedEventQueue(), [], 500

    def consume():
        while True:
            value = queue.Wait(60)
            if value is None:
                return
            taken.append(value)

    def produce(name):
        for n in range(count):
            queue.Signal((name, n))

    def produce_in_task(name):
        for n in range(count):
            queue.Signal((name, n))
            Yield()

    threads = [threading.Thread(target=consume) for _ in range(4)]
    producers = [threading.Thread(target=produce, args=(name,)) for name in "abcd"]
    tasks = [Spawn(consume) for _ in range(4)]
    for thread in threads + producers:
        thread.start()
    WaitForAll([Spawn(produce_in_task, name) for name in "efgh"])
    while any(thread.is_alive() for thread in producers):
        Sleep(0.001)
    for _ in range(8):
        queue.Signal(None)
    WaitForAll(tasks)
    while any(thread.is_alive() for thread in threads):
        Sleep(0.001)
    assert sorted(taken) == [(name, n) for name in "abcdefgh" for n in range(count)]


def test_its_descriptor_can_be_read_while_there_are_values():
    queue = ThreadedEventQueue()
    queue.Signal(1)
    fd = queue.wait_descriptor
    for _ in range(2):
        assert poll_list([(fd, POLLIN)], 60) == [(fd, POLLIN)]
        queue.Signal(2)
        queue.Wait()
        assert poll_list([(fd, POLLIN)], 60) == [(fd, POLLIN)]
        queue.Wait()
        assert poll_list([(fd, POLLIN)], 0) == []
        queue.Signal(3)
    assert queue.wait_descriptor == fd
    Sleep(0.001)  # the hub has heard of the last one
    del queue
    with pytest.raises(OSError):
        os.fstat(fd)
