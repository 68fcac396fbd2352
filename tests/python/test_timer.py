# SPDX-License-Identifier: Apache-2.0
import pytest
from cothread import AbsTimeout, Misuse, Sleep, Spawn, Timer


def test_a_timer_fires_once(core):
    fired = []
    Timer(1, lambda: fired.append(core.now()))
    started = core.now()
    Sleep(10)
    assert [time - started for time in fired] == [1_000_000_000]


def test_the_time_runs_from_the_construction(core):
    """In the original it ran from the first turn of the timer's task."""
    fired = []
    started = core.now()
    Timer(1, lambda: fired.append(core.now()))
    core.advance(0.75)  # the program computes
    Sleep(2)
    assert [time - started for time in fired] == [1_000_000_000]


def test_a_retriggering_timer_fires_until_it_is_cancelled(core):
    fired = []
    timer = Timer(1, lambda: fired.append(1), retrigger=True)
    Sleep(3.5)
    timer.cancel()
    Sleep(3)
    assert len(fired) == 3


@pytest.mark.parametrize("kind", [ValueError, BaseException])
def test_a_timer_survives_an_exception_of_its_callback(core, capsys, kind):
    """In the original it died silently."""
    fired = []

    def callback():
        fired.append(1)
        raise kind("in callback")

    timer = Timer(1, callback, retrigger=True)
    Sleep(3.5)
    timer.cancel()
    Sleep(0)
    assert len(fired) == 3
    error = capsys.readouterr().err
    assert error.count("Timer callback callback raised uncaught exception") == 3
    assert error.count(f"{kind.__name__}: in callback") == 3


def test_an_interrupt_in_a_timers_callback_is_told_to_main(core):
    fired = []

    def callback():
        fired.append(1)
        if len(fired) == 1:
            raise KeyboardInterrupt

    timer = Timer(1, callback, retrigger=True)
    with pytest.raises(KeyboardInterrupt):
        Sleep(2.5)
    Sleep(1)
    timer.cancel()
    Sleep(0)
    assert len(fired) == 2


def test_a_cancelled_timer_does_not_fire_even_if_it_is_due(core):
    fired = []
    timer = Timer(1, lambda: fired.append(1))

    def cancel():
        Sleep(0.5)
        core.advance(1)
        timer.cancel()

    Spawn(cancel)
    Sleep(5)
    assert fired == []
    with pytest.raises(Misuse, match="Cannot reuse this timer"):
        timer.reset(1)


def test_reset_starts_again(core):
    fired = []
    started = core.now()
    timer = Timer(1, lambda: fired.append(core.now() - started), reuse=True)
    Sleep(0.5)
    timer.reset(1)
    Sleep(5)
    timer.reset(1)
    Sleep(5)
    timer.reset(None)
    Sleep(5)
    assert fired == [1_500_000_000, 6_500_000_000]
    timer.cancel()
    Sleep(0)


def test_reset_from_inside_the_callback(core):
    fired = []

    def callback():
        fired.append(core.now() - started)
        if len(fired) < 3:
            timer.reset(len(fired))

    started = core.now()
    timer = Timer(1, callback, reuse=True)
    Sleep(10)
    assert fired == [1_000_000_000, 2_000_000_000, 4_000_000_000]
    timer.cancel()
    Sleep(0)


def test_a_retriggering_timer_with_a_moment_fires_once(core):
    """In the original it fired every millisecond from then on."""
    fired = []
    timer = Timer((core.wall() + 1,), lambda: fired.append(1), retrigger=True)
    Sleep(5)
    assert fired == [1]
    timer.cancel()
    Sleep(0)


def test_a_single_timer_cannot_be_reused(core):
    timer = Timer(1, lambda: None)
    with pytest.raises(AssertionError, match="Cannot reuse this timer"):
        timer.reset(1)
    Sleep(2)


def test_a_timer_needs_a_callback():
    with pytest.raises(Misuse):
        Timer(1, None)


def test_arguments_for_the_callback_are_not_taken_for_options():
    with pytest.raises(TypeError, match=r"retrigger is \('x',\), .* functools.partial"):
        Timer(1, print, ("x",))
    with pytest.raises(TypeError, match="reuse is 'x'"):
        Timer(1, print, False, "x")


def test_a_reset_that_is_refused_leaves_the_timer_as_it_was(core):
    fired = []
    timer = Timer(1, lambda: fired.append(1), retrigger=True)
    with pytest.raises(TypeError, match="'soon'"):
        timer.reset("soon")
    Sleep(2.5)
    timer.cancel()
    Sleep(0)
    assert len(fired) == 2


def test_a_callback_may_reset_its_timer_to_the_same_moment(core):
    fired = []
    moment = AbsTimeout(1)

    def callback():
        fired.append(1)
        if len(fired) < 3:
            timer.reset(moment)

    timer = Timer(moment, callback, reuse=True)
    Sleep(2)
    timer.cancel()
    Sleep(0)
    assert len(fired) == 3
