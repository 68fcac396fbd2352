# SPDX-License-Identifier: Apache-2.0
import os
import signal
import threading

import pytest
from cothread import Event, Sleep, Spawn, Yield, offload, signals, wait
from cothread._signals import _former, _open

HUP, TERM = signal.SIGHUP, signal.SIGTERM


@pytest.fixture(autouse=True)
def dispositions_are_as_they_were():
    before = [signal.getsignal(number) for number in (HUP, TERM)]
    yield
    assert [signal.getsignal(number) for number in (HUP, TERM)] == before
    assert (_open, _former) == ({}, {})


def test_deliveries_are_counted_while_nobody_waits_and_taken_by_a_wait():
    with signals(HUP, TERM) as caught:
        for number in (HUP, TERM, HUP):
            signal.raise_signal(number)
        assert caught
        assert wait([caught, Event()]) == [(caught, {HUP: 2, TERM: 1})]
        assert not caught
        assert wait([caught], 0) == []


def test_a_signal_ends_the_wait_of_a_program_that_sleeps():
    with signals(HUP) as caught:
        threading.Timer(0.01, os.kill, (os.getpid(), HUP)).start()
        assert wait([caught], 60) == [(caught, {HUP: 1})]


def test_every_open_object_gets_each_delivery():
    with signals(HUP) as one, signals(HUP, TERM) as other:
        signal.raise_signal(HUP)
        assert wait([one]) == [(one, {HUP: 1})]
        assert wait([other]) == [(other, {HUP: 1})]


def test_one_of_those_who_wait_for_the_same_object_takes():
    with signals(HUP) as caught:
        tasks = [Spawn(wait, [caught, Event()], 0.05) for _ in range(2)]
        Yield()
        signal.raise_signal(HUP)
        assert [task.Wait() for task in tasks] == [[(caught, {HUP: 1})], []]


def test_the_former_handler_comes_back_with_the_last_close():
    called = []

    def mine(number, frame):
        called.append(number)

    before = signal.signal(HUP, mine)
    try:
        one, other = signals(HUP), signals(HUP)
        one.close()
        one.close()
        signal.raise_signal(HUP)
        assert other
        assert not called
        other.close()
        signal.raise_signal(HUP)
        assert called == [HUP]
    finally:
        signal.signal(HUP, before)


def test_a_handler_installed_meanwhile_stays():
    before = signal.getsignal(HUP)
    try:
        with signals(HUP):
            signal.signal(HUP, signal.SIG_IGN)
        assert signal.getsignal(HUP) is signal.SIG_IGN
    finally:
        signal.signal(HUP, before)


def test_a_close_is_told_to_who_waits_and_refused_to_who_will():
    caught = signals(HUP)
    task = Spawn(wait, [caught, Event()])
    Yield()
    caught.close()
    ((_, value),) = task.Wait()
    assert isinstance(value, ValueError)
    with pytest.raises(ValueError, match="closed"):
        wait([caught])


@pytest.mark.parametrize("numbers", [(), (0,), (signal.SIGKILL,), (HUP, 1000)])
def test_what_cannot_be_caught_is_refused_and_leaves_nothing_installed(numbers):
    with pytest.raises((ValueError, OSError)):
        signals(*numbers)


def test_other_threads_open_none():
    with pytest.raises(AssertionError):
        offload(signals, HUP)


def test_ctrl_c_is_a_signal_as_others(run_script):
    done = run_script(
        """
        import signal, cothread
        with cothread.signals(signal.SIGINT) as caught:
            signal.raise_signal(signal.SIGINT)
            print(cothread.wait([caught]) == [(caught, {signal.SIGINT: 1})])
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            print("Ctrl-C again")
        """
    )
    assert done.stdout == "True\nCtrl-C again\n"


def test_no_delivery_is_lost_between_waits():
    sent = 200
    with signals(signal.SIGRTMIN) as caught, signals(TERM) as end:

        def sender():
            for _ in range(sent):
                signal.raise_signal(signal.SIGRTMIN)
                Sleep(0)
            signal.raise_signal(TERM)

        task = Spawn(sender)
        count = 0
        while not task or caught:
            for item, value in wait([caught, end], 60):
                if item is caught:
                    count += value[signal.SIGRTMIN]
            Yield()
        assert count == sent
