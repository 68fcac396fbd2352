# SPDX-License-Identifier: Apache-2.0
import ctypes
import sys

from cothread import Sleep, Spawn, WaitForAll, Yield, _scheduler
from greenlet import getcurrent


def test_a_greenlet_runs_one_function_after_another(core):
    first = Spawn(getcurrent).Wait()
    assert all(Spawn(getcurrent).Wait() is first for _ in range(10))


def test_a_task_that_failed_leaves_its_greenlet_fit_for_the_next(core, capsys):
    def broken():
        raise ValueError(getcurrent())

    first = Spawn(getcurrent).Wait()
    Spawn(broken).Wait()
    assert Spawn(getcurrent).Wait() is first
    assert Spawn(sys.exc_info).Wait() == (None, None, None)


def test_tasks_spawned_by_tasks_do_not_nest():
    """A greenlet started by another one would begin at that one's recursion depth."""
    depths = []

    def spawn_next(left):
        depth, frame = 0, sys._getframe()
        while frame:
            depth, frame = depth + 1, frame.f_back
        depths.append(depth)
        if left:
            task = Spawn(spawn_next, left - 1)
            Yield()  # every one of them still lives when the last begins
            task.Wait()

    Spawn(spawn_next, 3 * sys.getrecursionlimit()).Wait()
    assert len(depths) == 3 * sys.getrecursionlimit() + 1
    assert max(depths) == min(depths)


def test_deep_recursion_in_main_leaves_tasks_their_full_depth():
    def deep(left):
        return deep(left - 1) if left else Spawn(recurse, 500).Wait()

    def recurse(left):
        return recurse(left - 1) if left else "deep enough"

    assert deep(700) == "deep enough"


def test_more_greenlets_than_are_kept_end_when_their_functions_do(core):
    count = _scheduler._PARKED + 100
    tasks = [Spawn(Sleep, 1) for _ in range(count)]
    WaitForAll(tasks)
    Sleep(1)
    assert len(_scheduler.parked) == _scheduler._PARKED
    # The handles of the greenlets that ended went back.
    assert len(core.tokens) <= count + 1 - 100
    assert WaitForAll([Spawn(lambda n=n: (Sleep(1), n)[1]) for n in range(count)]) == list(range(count))


def test_a_thousand_tasks_in_a_round():
    order = []

    def task(n):
        for _ in range(3):
            order.append(n)
            Yield()

    WaitForAll([Spawn(task, n) for n in range(1000)])
    assert order == list(range(1000)) * 3


def test_tasks_may_wait_below_a_foreign_callback():
    """Three tasks at once inside libc's qsort, each of them switched away at every comparison."""
    comparison = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    inside = most = 0

    def ascending(a, b):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        Yield()
        inside -= 1
        return a[0] - b[0]

    def sort(numbers):
        array = (ctypes.c_int * len(numbers))(*numbers)
        compare = comparison(ascending)
        ctypes.CDLL(None).qsort(array, len(array), ctypes.sizeof(ctypes.c_int), compare)
        return list(array)

    given = [[7 * i * k % 31 for i in range(30)] for k in (1, 2, 3)]
    assert WaitForAll([Spawn(sort, numbers) for numbers in given]) == [sorted(numbers) for numbers in given]
    assert most == 3
