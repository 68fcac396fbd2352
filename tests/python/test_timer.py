# SPDX-License-Identifier: Apache-2.0
import pytest
from cothread import AbsTimeout, Misuse, Sleep, Spawn, Timer


def test_a_timer_fires_once(kernel):
    fired = []
    Timer(1, lambda: fired.append(kernel.now()))
    started = kernel.now()
    Sleep(10)
    assert [time - started for time in fired] == [1_000_000_000]


def test_the_time_runs_from_the_construction(kernel):
    """In the original it ran from the first turn of the timer's task."""
    fired = []
    started = kernel.now()
    Timer(1, lambda: fired.append(kernel.now()))
    kernel.advance(0.75)  # the program computes
    Sleep(2)
    assert [time - started for time in fired] == [1_000_000_000]


def test_a_retriggering_timer_fires_until_it_is_cancelled(kernel):
    fired = []
    timer = Timer(1, lambda: fired.append(1), retrigger=True)
    Sleep(3.5)
    timer.cancel()
    Sleep(3)
    assert len(fired) == 3


@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_a_timer_survives_an_exception_of_its_callback(kernel, capsys, kind):
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
    assert capsys.readouterr().err.count(f"{kind.__name__}: in callback") == 3


def test_an_interrupt_in_a_timers_callback_is_told_to_main(kernel):
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


def test_a_cancelled_timer_does_not_fire_even_if_it_is_due(kernel):
    fired = []
    timer = Timer(1, lambda: fired.append(1))

    def cancel():
        Sleep(0.5)
        kernel.advance(1)
        timer.cancel()

    Spawn(cancel)
    Sleep(5)
    assert fired == []
    with pytest.raises(Misuse, match="Cannot reuse this timer"):
        timer.reset(1)


def test_reset_starts_again(kernel):
    fired = []
    started = kernel.now()
    timer = Timer(1, lambda: fired.append(kernel.now() - started), reuse=True)
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


def test_reset_from_inside_the_callback(kernel):
    fired = []

    def callback():
        fired.append(kernel.now() - started)
        if len(fired) < 3:
            timer.reset(len(fired))

    started = kernel.now()
    timer = Timer(1, callback, reuse=True)
    Sleep(10)
    assert fired == [1_000_000_000, 2_000_000_000, 4_000_000_000]
    timer.cancel()
    Sleep(0)


def test_a_retriggering_timer_with_a_moment_fires_once(kernel):
    """In the original it fired every millisecond from then on."""
    fired = []
    timer = Timer((kernel.wall() + 1,), lambda: fired.append(1), retrigger=True)
    Sleep(5)
    assert fired == [1]
    timer.cancel()
    Sleep(0)


def test_a_single_timer_cannot_be_reused(kernel):
    timer = Timer(1, lambda: None)
    with pytest.raises(AssertionError, match="Cannot reuse this timer"):
        timer.reset(1)
    Sleep(2)


def test_a_timer_needs_a_callback():
    with pytest.raises(Misuse):
        Timer(1, None)


def test_a_reset_that_is_refused_leaves_the_timer_as_it_was(kernel):
    fired = []
    timer = Timer(1, lambda: fired.append(1), retrigger=True)
    with pytest.raises(TypeError, match="'soon'"):
        timer.reset("soon")
    Sleep(2.5)
    timer.cancel()
    Sleep(0)
    assert len(fired) == 2


def test_a_callback_may_reset_its_timer_to_the_same_moment(kernel):
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
