# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in one task stays there: nothing else is affected, and the report names the task."""

import ast
import contextlib
import gc
import os
import socket
from pathlib import Path

import cothread
import pytest
from cothread import (
    Callback,
    Event,
    EventQueue,
    RLock,
    Sleep,
    Spawn,
    Timedout,
    Timer,
    WaitForAll,
    Yield,
    poll_list,
    wait,
)
from cothread.coselect import POLLIN


def test_no_check_is_an_assert_which_python_o_takes_away():
    for path in Path(cothread.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert), f"{path.name}:{node.lineno}"
            assert not (isinstance(node, ast.Name) and node.id == "__debug__"), f"{path.name}:{node.lineno}"


def test_a_task_that_dies_holding_a_lock_takes_nobody_with_it(core, capsys):
    lock, other = RLock(), RLock()

    def dies():
        lock.acquire()
        with other:
            raise ValueError("dead")

    def waits():
        with pytest.raises(Timedout):
            lock.acquire(1)
        with other:
            return "alive"

    assert WaitForAll([Spawn(dies), Spawn(waits), Spawn(waits)]) == [None, "alive", "alive"]
    assert "Spawned task dies raised uncaught exception" in capsys.readouterr().err


class Broken:
    """A stderr whose other end is gone."""

    def write(self, text):
        raise BrokenPipeError("gone")

    flush = write


@pytest.mark.parametrize("stderr", [None, Broken()])
def test_a_stderr_that_fails_ends_no_timer_callback_or_task(core, monkeypatch, stderr):
    monkeypatch.setattr("sys.stderr", stderr)
    fired, ran = [], []

    def fails():
        fired.append(1)
        raise ValueError("in callback")

    timer = Timer(1, fails, retrigger=True)
    for _ in range(2):
        Callback(fails)
    Callback(ran.append, 1)
    task = Spawn(fails)
    Sleep(3.5)
    timer.cancel()
    Sleep(0)
    assert (len(fired), ran, task.Wait()) == (6, [1], None)


class Unshowable:
    def __repr__(self):
        raise ValueError("no repr")

    @property
    def __name__(self):
        raise ValueError("no name")


MISTAKES = {
    "Spawn": (lambda bad: Spawn(bad), "Spawn needs a function"),
    "Sleep": (lambda bad: Sleep(bad), "timeout is"),
    "Event.Wait": (lambda bad: Event().Wait(bad), "timeout is"),
    "a tuple": (lambda bad: Sleep((bad, bad)), "timeout is"),
    "SignalException": (lambda bad: Event().SignalException(bad), "SignalException needs"),
    "EventQueue": (lambda bad: EventQueue(bad), "max_length is"),
    "Timer": (lambda bad: Timer(1, bad), "Timer needs"),
    "CallbackQueue": (lambda bad: cothread.CallbackQueue(bad), "bound is"),
    "its policy": (lambda bad: cothread.CallbackQueue(policy=bad), "policy is"),
    "poll_list": (lambda bad: poll_list([bad]), "is no pair"),
    "its file": (lambda bad: poll_list([(bad, POLLIN)]), "is neither"),
    "its events": (lambda bad: poll_list([(0, bad)]), "events of descriptor 0"),
    "wait": (lambda bad: wait([bad]), "item 0 is"),
    "wait for a file": (lambda bad: wait([(0, bad)]), "no pair"),
    "Job": (lambda bad: cothread.Job(bad), "Job needs"),
    "Pool": (lambda bad: cothread.Pool(bad), "threads is"),
    "a job's pool": (lambda bad: cothread.Job(int, pool=bad), "pool is"),
    "listen": (lambda bad: cothread.listen((bad,)), "address is"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_shown_is_told_by_its_type(name):
    mistake, text = MISTAKES[name]
    with pytest.raises((TypeError, ValueError, AssertionError), match=text) as caught:
        mistake(Unshowable())
    assert "a Unshowable whose repr fails" in str(caught.value) or "a tuple whose repr fails" in str(caught.value)


def test_a_callable_that_cannot_be_named_is_reported_by_its_type(core, capsys):
    class Called(Unshowable):
        def __call__(self):
            raise KeyError("called")

    fails = Called()
    task, timer = Spawn(fails), Timer(1, fails)
    Callback(fails)
    Sleep(2)
    assert (task.Wait(), repr(task)) == (None, "<Spawn a Called whose repr fails finished>")
    assert capsys.readouterr().err.count("a Called whose repr fails raised uncaught exception") == 3
    assert timer is not None


def closed_by_another_task(reader):
    Spawn(reader.close).Wait()


def closed_by_a_finalizer(reader):
    class Holds:
        def __init__(self):
            self.itself, self.reader = self, reader  # only the collector frees it

        def __del__(self):
            self.reader.close()

    Holds()
    gc.collect()


@pytest.mark.parametrize("close", [closed_by_another_task, closed_by_a_finalizer])
@pytest.mark.parametrize("waits", [lambda s, t: poll_list([(s, POLLIN)], t), lambda s, t: wait([(s, "r")], t)])
def test_a_socket_closed_under_its_reader_affects_no_other_not_even_of_the_same_number(close, waits):
    reader, _other_end = socket.socketpair()
    beside, beside_end = socket.socketpair()
    number = reader.fileno()
    stale = Spawn(waits, reader, 0.05)
    watched = Spawn(waits, beside, 60)
    Yield()
    close(reader)
    assert reader.fileno() == -1
    again, b = socket.socketpair()
    if number != again.fileno():
        b, again = again, b
    if number != again.fileno():
        again = socket.socket(fileno=os.dup2(again.detach(), number))
    second = Spawn(waits, again, 60)
    Sleep(0.1)
    assert stale.Wait(60) == []  # what came of the number later was not its own
    assert not second and not watched
    b.send(b"x")
    beside_end.send(b"x")
    assert second.Wait(60) and watched.Wait(60)
    assert again.recv(1) == beside.recv(1) == b"x"
    for each in _other_end, beside, beside_end, b, again:
        each.close()


def test_a_connection_closed_under_those_who_wait_on_it_tells_them_and_nobody_else():
    with cothread.listen(("127.0.0.1", 0)) as listener:
        connections = [(cothread.connect(listener.getsockname()), listener.accept()) for _ in range(2)]
        (closed, _peer), (beside, beside_peer) = connections
        tasks = [Spawn(each.recv, raise_on_wait=True) for each in (closed, beside)]
        Yield()
        closed.close(0)
        with pytest.raises(OSError, match="Bad file descriptor"):
            tasks[0].Wait(60)
        assert not tasks[1]
        beside_peer.sendall(b"x")
        assert tasks[1].Wait(60) == b"x"
        for pair in connections:
            for each in pair:
                with contextlib.suppress(OSError):
                    each.close()
    Yield()
