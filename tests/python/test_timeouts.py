# SPDX-License-Identifier: Apache-2.0
import re
import time
from datetime import timedelta

import cothread
import pytest
from cothread import (
    AbsTimeout,
    Deadline,
    Event,
    GetDeadline,
    Sleep,
    SleepUntil,
    Timedout,
    _scheduler,
)


def test_sleep_takes_all_three_forms(core):
    started = core.now()
    Sleep(1)
    Sleep((core.wall() + 2,))
    Sleep(AbsTimeout(3))
    SleepUntil(core.wall() + 4)
    assert core.now() - started == pytest.approx(10e9, abs=1000)


def test_a_number_like_thing_is_a_timeout(core):
    from decimal import Decimal
    from fractions import Fraction

    started = core.now()
    Sleep(True)
    Sleep(Fraction(1, 2))
    assert core.now() - started == 1_500_000_000
    with pytest.raises(TypeError):
        Sleep("1")
    with pytest.raises(TypeError, match=re.escape("timeout is Decimal('1')") + ".*: give float\\(\\) of it"):
        Sleep(Decimal(1))
    with pytest.raises(ValueError):
        Sleep(float("nan"))


def test_a_deadline_that_has_passed_suspends_once(core):
    for timeout in (0, -1, (core.wall() - 10,), (0,), float("-inf")):
        ran = []
        task = cothread.Spawn(ran.append, 1)
        started = core.now()
        with pytest.raises(Timedout):
            Event().Wait(timeout)
        assert ran == [1]
        assert core.now() == started
        task.Wait()


def test_relative_timeouts_never_look_at_the_wall_clock(core):
    """In the original Sleep(0.3) took 1.3 s when the clock was set back by one."""
    started = core.now()

    def set_back():
        Sleep(0.1)
        core.wall_clock -= 1000

    cothread.Spawn(set_back)
    Sleep(0.3)
    assert core.now() - started == 300_000_000
    core.wall = None
    Sleep(0.3)


def test_a_shared_deadline_does_not_move_with_the_wall_clock(core):
    shared = AbsTimeout(10)
    core.wall_clock += 1_000_000
    started = core.now()
    Sleep(shared)
    assert core.now() - started == 10_000_000_000


def test_for_ever_is_for_ever(core):
    woken = []

    def sleeper(timeout):
        event.Wait(timeout)
        woken.append(timeout)

    event = Event(auto_reset=False)
    timeouts = [None, (None,), float("inf"), 1e30]
    tasks = [cothread.Spawn(sleeper, timeout) for timeout in timeouts]
    Sleep(1e6)
    assert woken == []
    event.Signal()
    cothread.WaitForAll(tasks)
    assert woken == timeouts


def test_the_three_helpers():
    assert AbsTimeout(None) is None
    assert AbsTimeout((5,)) == (5,)
    before = time.time()
    (moment,) = AbsTimeout(10)
    assert before + 10 <= moment <= time.time() + 10
    assert GetDeadline(None) is None
    assert GetDeadline((5,)) == 5
    assert before + 10 <= GetDeadline(10) <= time.time() + 10
    assert Deadline(5) == (5,)
    for function in AbsTimeout, GetDeadline:
        with pytest.raises(TypeError):
            function("soon")


def test_the_librarys_clock_is_pythons_monotonic_clock():
    """Deadlines are computed here and kept there: both must mean the same clock, which no sleep wakes early by."""
    before = time.monotonic_ns()
    deadline = before + 2_000_000
    Sleep(AbsTimeout(0.002))
    assert time.monotonic_ns() >= deadline
    assert _scheduler.core.now() >= deadline


@pytest.mark.parametrize("days", [1e-6, -1e-6, 100_000])
def test_a_timedelta_is_told_to_give_its_seconds(core, days):
    for timeout in timedelta(days=days), (timedelta(days=days),):
        with pytest.raises(TypeError, match=re.escape(f"timeout is {timeout!r}") + r".*: give its total_seconds\(\)"):
            Sleep(timeout)


def test_numbers_beyond_every_clock_are_for_ever_or_over(core):
    for timeout in 10**400, (10**400,), (float("inf"),), float("inf"):
        assert _scheduler.deadline_after(timeout) is None
    for timeout in -(10**400), (-(10**400),), (float("-inf"),):
        assert _scheduler.deadline_after(timeout) < core.now()


@pytest.mark.parametrize("timeout", ["x", (1, 2), ("x",), []])
def test_what_is_no_timeout_is_named(core, timeout):
    with pytest.raises(TypeError, match=re.escape(f"timeout is {timeout!r}")):
        Sleep(timeout)
