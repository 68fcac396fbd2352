# SPDX-License-Identifier: Apache-2.0
import ctypes
import os
import signal
import threading

import pytest
from cothread import Event, Process, Sleep, Spawn, Yield, _scheduler, offload, signals, wait
from cothread._signals import _former, _open

HUP, TERM = signal.SIGHUP, signal.SIGTERM
ME = os.getpid()


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
        assert wait([caught, Event()]) == [(caught, {HUP: (2, ME), TERM: (1, ME)})]
        assert not caught
        assert wait([caught], 0) == []


def test_a_signal_ends_the_wait_of_a_program_that_sleeps():
    with signals(HUP) as caught:
        threading.Timer(0.01, os.kill, (os.getpid(), HUP)).start()
        assert wait([caught], 60) == [(caught, {HUP: (1, ME)})]


def test_every_open_object_gets_each_delivery():
    with signals(HUP) as one, signals(HUP, TERM) as other:
        signal.raise_signal(HUP)
        assert wait([one]) == [(one, {HUP: (1, ME)})]
        assert wait([other]) == [(other, {HUP: (1, ME)})]


def test_one_of_those_who_wait_for_the_same_object_takes():
    with signals(HUP) as caught:
        stop = Event(auto_reset=False)
        tasks = [Spawn(wait, [caught, stop]) for _ in range(2)]
        Yield()
        signal.raise_signal(HUP)
        Yield()
        Yield()
        stop.Signal("stop")
        assert [task.Wait() for task in tasks] == [[(caught, {HUP: (1, ME)})], [(stop, "stop")]]


def test_the_sender_is_the_process_that_sent_the_last_one():
    with signals(HUP) as caught:
        signal.raise_signal(HUP)
        other = Process(["sh", "-c", f"kill -HUP {ME}"])
        assert other.wait(60) == 0
        assert wait([caught]) == [(caught, {HUP: (2, other.pid)})]


def test_nobody_sent_what_the_system_does():
    with signals(signal.SIGALRM) as caught:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        assert wait([caught], 60) == [(caught, {signal.SIGALRM: (1, 0)})]


def test_what_comes_faster_than_pythons_handler_runs_is_counted_one_by_one():
    number = signal.SIGRTMIN
    with signals(number) as caught:
        send = ctypes.PyDLL(None)["raise"]
        assert wait([caught], 0) == []
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        for _ in range(5):
            send(int(number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])  # all five in one call
        assert wait([caught]) == [(caught, {number: (5, ME)})]
        assert wait([caught], 0) == []


def test_a_signal_between_the_counts_is_not_counted_twice(monkeypatch):
    """One that comes while a wait takes what there is: after the library was asked, and again."""
    take = _scheduler.core.take_signal
    sends = [0]

    def take_and_send(counter):
        found = take(counter)
        if sends[0]:
            sends[0] -= 1
            signal.raise_signal(HUP)
        return found

    monkeypatch.setattr(_scheduler.core, "take_signal", take_and_send)
    with signals(HUP) as caught:
        for between in range(4):
            sends[0] = between
            signal.raise_signal(HUP)
            total = 0
            while caught:
                ((_, value),) = wait([caught])
                total += value[HUP].times
            assert total == 1 + between
            assert wait([caught], 0) == []


def test_what_another_handler_let_through_is_counted_by_pythons_alone():
    """Somebody replaces the handler, and puts back what he found."""
    with signals(HUP) as caught:
        kept = signal.signal(HUP, signal.SIG_IGN)
        signal.raise_signal(HUP)
        signal.signal(HUP, kept)
        signal.raise_signal(HUP)
        signal.raise_signal(HUP)
        assert wait([caught]) == [(caught, {HUP: (2, 0)})]


def test_what_the_thread_blocks_stays_pending():
    signal.pthread_sigmask(signal.SIG_BLOCK, [HUP])
    try:
        with signals(HUP) as caught:
            signal.raise_signal(HUP)
            assert wait([caught], 0.001) == []
            assert signal.sigpending() == {HUP}
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [HUP])
            assert wait([caught]) == [(caught, {HUP: (1, 0)})]
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [HUP])


def test_nothing_is_left_of_those_that_were_closed():
    Sleep(0)
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        signals(HUP, TERM).close()
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_without_descriptors_an_error_of_the_system_says_so(run_script):
    run_script(
        """
        import errno, os, resource, signal, cothread
        cothread.Yield()
        taken = [os.dup(0)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, taken[0] + 1))
        before = signal.getsignal(signal.SIGHUP)
        for make in (lambda: cothread.signals(signal.SIGHUP), lambda: cothread.FileWatch(".")):
            try:
                make()
            except OSError as error:
                assert error.errno == errno.EMFILE, error
            else:
                raise AssertionError("made")
        assert signal.getsignal(signal.SIGHUP) == before
        """
    )


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


@pytest.mark.parametrize(
    "numbers", [(), (0,), (signal.SIGKILL,), (HUP, 1000), (HUP, signal.SIGURG), (signal.SIGSEGV,), (signal.SIGPROF,)]
)
def test_what_cannot_be_caught_is_refused_and_leaves_nothing_installed(numbers):
    with pytest.raises((ValueError, OSError)):
        signals(*numbers)


def test_other_threads_open_none():
    with pytest.raises(AssertionError):
        offload(signals, HUP)


def test_ctrl_c_is_a_signal_as_others(run_script):
    done = run_script(
        """
        import os, signal, cothread
        with cothread.signals(signal.SIGINT) as caught:
            signal.raise_signal(signal.SIGINT)
            print(cothread.wait([caught]) == [(caught, {signal.SIGINT: (1, os.getpid())})])
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
                    count += value[signal.SIGRTMIN].times
            Yield()
        assert count == sent
