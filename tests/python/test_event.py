# SPDX-License-Identifier: Apache-2.0
import pytest
from cothread import (
    Event,
    EventQueue,
    Misuse,
    Pulse,
    RLock,
    Sleep,
    Spawn,
    Timedout,
    WaitForAll,
    Yield,
)


def test_a_value_that_is_there_is_taken_without_a_switch(core):
    ran = []
    event = Event()
    event.Signal(7)
    other = Spawn(ran.append, 1)
    assert event
    assert event.Wait() == 7
    assert not event
    assert ran == []
    other.Wait()


def test_a_second_signal_overwrites_a_value_nobody_took(core):
    event = Event()
    event.Signal(1)
    event.Signal(2)
    assert event.Wait(0) == 2
    with pytest.raises(Timedout):
        event.Wait(0)


def test_none_is_a_value(core):
    event = Event()
    event.Signal()
    assert event
    assert event.Wait(0) is None


def test_signal_wakes_one_waiter_in_the_order_they_came(core):
    order = []
    event = Event()

    def waiter(name):
        order.append((name, event.Wait()))

    tasks = [Spawn(waiter, name) for name in "abc"]
    Yield()
    for value in 1, 2, 3:
        event.Signal(value)
        Yield()
    WaitForAll(tasks)
    assert order == [("a", 1), ("b", 2), ("c", 3)]


def test_two_signals_in_one_round_leave_one_value(core):
    order = []
    event = Event()

    def waiter(name):
        try:
            order.append((name, event.Wait(1)))
        except Timedout:
            order.append((name, "timed out"))

    tasks = [Spawn(waiter, name) for name in "ab"]
    Yield()
    event.Signal(1)
    event.Signal(2)
    WaitForAll(tasks)
    assert order == [("a", 2), ("b", "timed out")]


def test_without_auto_reset_all_waiters_wake_and_the_value_stays(core):
    event = Event(auto_reset=False)
    tasks = [Spawn(event.Wait) for _ in range(3)]
    Yield()
    event.Signal(5)
    assert WaitForAll(tasks) == [5, 5, 5]
    assert event.Wait() == 5
    event.Reset()
    assert not event


def test_a_robbed_waiter_waits_on_until_its_deadline(core):
    event = Event()
    started = core.now()
    victim = Spawn(event.Wait, 1, raise_on_wait=True)
    Yield()
    event.Signal("loot")
    assert event.Wait() == "loot"
    with pytest.raises(Timedout):
        victim.Wait()
    assert core.now() - started == 1_000_000_000


def test_a_timeout_takes_nothing(core):
    event = Event()
    with pytest.raises(Timedout, match="Timed out waiting for event"):
        event.Wait(0.5)
    event.Signal(1)
    assert event.Wait() == 1


def test_after_a_timeout_the_next_signal_goes_to_the_next_waiter(core):
    event = Event()
    impatient = Spawn(event.Wait, 1, raise_on_wait=True)
    patient = Spawn(event.Wait)
    with pytest.raises(Timedout):
        impatient.Wait()
    event.Signal("for the patient")
    assert patient.Wait() == "for the patient"


def test_signal_exception_raises_in_the_waiter(core):
    event = Event()
    event.SignalException(KeyError("x"))
    with pytest.raises(KeyError):
        event.Wait()
    event.SignalException(ValueError)
    with pytest.raises(ValueError):
        event.Wait()
    assert not event


def test_without_auto_reset_the_same_exception_is_raised_each_time(core):
    event = Event(auto_reset=False)
    error = KeyError("x")
    event.SignalException(error)
    for _ in range(2):
        with pytest.raises(KeyError) as caught:
            event.Wait()
        assert caught.value is error


def test_abort_wait_takes_the_value_or_swallows_the_next(core):
    event = Event()
    event.Signal(1)
    event.AbortWait()
    assert not event
    event.AbortWait()
    event.Signal(2)
    assert not event
    event.Signal(3)
    assert event.Wait() == 3


def test_abort_wait_takes_nothing_from_a_real_waiter(core):
    """In the original the waiter timed out."""
    event = Event()
    waiter = Spawn(event.Wait, 1)
    Yield()
    event.AbortWait()
    event.Signal("mine")
    assert waiter.Wait() == "mine"


def test_a_withdrawn_deadline_fires_nothing(core):
    event = Event()
    task = Spawn(event.Wait, 1)
    Sleep(0.1)  # the deadline is in the library's hands now
    event.Signal(1)
    assert task.Wait() == 1
    task = Spawn(Sleep, 5)
    started = core.now()
    task.Wait()
    assert core.now() - started == 5_000_000_000


def test_a_wait_that_ends_in_its_round_arms_no_timer(core):
    event = Event()
    task = Spawn(event.Wait, 1)
    Yield()
    event.Signal(1)
    assert task.Wait() == 1
    Sleep(1)
    assert [operation for operation, _ in core.requests_seen] == [2, 1]


def test_pulse_wakes_only_those_who_wait(core):
    pulse = Pulse()
    pulse.Signal()
    with pytest.raises(Timedout):
        pulse.Wait(1)
    tasks = [Spawn(pulse.Wait, 1) for _ in range(3)]
    Yield()
    pulse.Signal()
    assert WaitForAll(tasks) == [None] * 3


def test_pulse_can_wake_one(core):
    order = []
    pulse = Pulse()
    tasks = [Spawn(lambda n=n: (pulse.Wait(), order.append(n))) for n in range(2)]
    Yield()
    pulse.Signal(wake_all=False)
    Yield()
    assert order == [0]
    pulse.Signal()
    WaitForAll(tasks)


def test_a_lock_excludes_other_tasks_and_counts(core):
    order = []
    lock = RLock()

    def task(name):
        with lock, lock:
            order.append(name + " in")
            Yield()
            order.append(name + " out")

    WaitForAll([Spawn(task, "a"), Spawn(task, "b")])
    assert order == ["a in", "a out", "b in", "b out"]


def test_a_lock_belongs_to_the_task_and_not_to_its_greenlet(core):
    lock = RLock()
    Spawn(lock.acquire).Wait()
    with pytest.raises(Timedout):
        Spawn(lock.acquire, 1, raise_on_wait=True).Wait()  # runs on the same greenlet


def test_a_foreign_release_is_refused(core):
    lock = RLock()
    lock.acquire()
    with pytest.raises(Misuse, match="release"):
        Spawn(lock.release, raise_on_wait=True).Wait()
    lock.release()
    with pytest.raises(AssertionError):
        lock.release()


def test_a_lock_can_be_acquired_with_a_timeout(core):
    lock = RLock()
    lock.acquire()
    with pytest.raises(Timedout):
        Spawn(lock.acquire, 1, raise_on_wait=True).Wait()
    waiter = Spawn(lock.acquire, 1)
    Yield()
    lock.release()
    assert waiter.Wait() is None


@pytest.mark.parametrize("kind", [Event, EventQueue])
@pytest.mark.parametrize("look", [1, 2])
def test_a_signal_that_comes_while_a_wait_begins_is_not_slept_over(core, monkeypatch, kind, look):
    """As from a signal handler, which Python runs between any two calls: here those that look at the clock."""
    event = kind()
    looks = 0

    def now():
        nonlocal looks
        looks += 1
        if looks == look:
            event.Signal(7)
        return core.clock

    monkeypatch.setattr(core, "now", now)
    before = core.clock
    assert event.Wait(1) == 7
    assert core.clock == before
    assert not event


@pytest.mark.parametrize("kind", [Event, EventQueue])
def test_aborted_waits_swallow_one_value_however_many_they_were(core, kind):
    event = kind()
    for _ in range(3):
        event.AbortWait()
    event.Signal(1)
    assert not event
    event.Signal(2)
    assert event.Wait(1) == 2
    event.AbortWait()
    event.Reset()
    event.Signal(3)
    assert event.Wait(1) == 3


def test_an_exception_does_not_grow_with_each_wait_that_raises_it(core):
    event = Event(auto_reset=False)
    event.SignalException(ValueError("kept"))

    def length():
        with pytest.raises(ValueError, match="kept") as raised:
            event.Wait()
        return len(raised.traceback)

    assert length() == length() == length()
