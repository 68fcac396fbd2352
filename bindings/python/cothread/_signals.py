# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, other signals while the hub sleeps, and signals to wait for.

With Python's own handler a KeyboardInterrupt lands between any two bytecodes, in whichever task happens to run, and
tasks are lost. Ours raises it where it belongs, in main: at once if main is running the program's code, else at
main's next turn. Only a second one with no turn in between is raised where it lands, because something spins there.
"""

import os
import signal
import threading
from collections import deque
from functools import partial
from types import FrameType
from typing import Any, NamedTuple, Optional, Union

from greenlet import getcurrent

from . import _library, _scheduler
from ._callbacks import Callback
from ._events import _QuitEvent
from ._scheduler import Source, Task, Watch, attach, check_thread, requests, wake_all, wake_first


def _on_interrupt(_number: int, frame: Optional[FrameType]) -> None:
    current = getcurrent()
    if current is not _scheduler.hub:
        # A greenlet runs once a round, and the hub resets `interrupted` between two: the same one, no turn in between.
        if current is _scheduler.interrupted:
            _scheduler.interrupted = None
            raise KeyboardInterrupt
        if current is _scheduler.main and not _is_ours(frame):
            raise KeyboardInterrupt
    _scheduler.interrupted = current
    _scheduler.tell_main(KeyboardInterrupt())


def _is_ours(frame: Optional[FrameType]) -> bool:
    return frame is not None and frame.f_globals.get("__package__") == __package__


_set_wakeup = partial(signal.set_wakeup_fd, warn_on_full_buffer=False)


class _SignalPipe(Watch):
    """Ends the hub's poll when a signal arrives that does not interrupt its system call: it came just before, or to
    another thread. Python's C handler writes a byte for each into the descriptor it was given.

    That descriptor is the program's: an asyncio loop sets its own and takes it away again. So ours is set before a poll
    that blocks. If there was another it is put back as soon as the poll ends, with what came for it. If there was none
    ours stays, and polls are spared this for a while: they end with it, if ours was taken away meanwhile."""

    __slots__ = ("_before", "_former", "_read", "_write")

    def __init__(self) -> None:
        super().__init__()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._former = -1
        self._before: list[int] = []  # while ours is set: the one it took the place of

    def listen(self) -> None:
        os.fstat(self._write)
        self._arm()
        _scheduler.before_sleep = self._set
        _scheduler.after_sleep = self._put_back

    def _set(self) -> bool:
        """True: there was another, to be put back."""
        # One step: a signal handler that raises behind it does not take the former one away.
        self._before += map(_set_wakeup, (self._write,))
        before = self._before[0]
        if before >= 0 and before != self._write:
            return True
        self._former = -1
        del self._before[:]
        return False

    def _put_back(self) -> None:
        before = self._before
        if before:
            self._former = -1 if before[0] == self._write else before[0]
            if self._former >= 0:
                _set_wakeup(self._former)
                self._pass_on()
            del before[:]

    def _pass_on(self) -> None:
        try:
            numbers = os.read(self._read, 4096)
            if self._former >= 0:
                os.write(self._former, numbers)
        except OSError:
            pass  # nothing to read; or the other descriptor is full or gone

    def _arm(self) -> None:
        handle = self.handle or attach(self)
        operation = _library.wait_descriptor(self._read)
        self.armed = requests.end
        requests.add(handle, operation, _library.FOREVER, _scheduler.POLLIN)

    def completed(self, what: int) -> None:
        self._pass_on()
        self._arm()


def _install() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)
    _pipe.listen()


if threading.current_thread() is threading.main_thread():  # else signals are another thread's business
    _pipe = _SignalPipe()  # now: without descriptors an import that fails is better than a wait
    _scheduler.on_first_wait.append(_install)


class Deliveries(NamedTuple):
    """What became of a signal between two waits.

    times: how often it was delivered. sender: the number of the process that sent the last one; 0: the system, or
    nobody knows.
    """

    times: int
    sender: int


# Go's runtime, which drives the library, uses two, and the others tell of a fault that would only come again.
_REFUSED = {signal.SIGURG, signal.SIGPROF} | {
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGTRAP,
    signal.SIGSYS,
}

_open: "dict[int, list[signals]]" = {}  # by number
_former: "dict[int, Any]" = {}  # the handlers that ours took the place of


def _on_signal(number: int, _frame: Optional[FrameType]) -> None:
    for each in _open.get(number, ()):
        each._deliver(number)


class signals(Source):  # as the signal module's signal
    """Counts the deliveries of some signals from now until it is closed, also while nobody waits.

    It is to be waited for (`wait`), beside other things: the value is {number: (times, sender)} of the deliveries since
    the last wait, as Deliveries. Each open one gets every delivery. The handlers of before come back with the last one
    that is closed, unless somebody installed others meanwhile. In Python's main thread only.

    Two handlers lie on each other. Python's is the one that `signal` shows, so that whoever saves and restores handlers
    brings it back; it tells no sender, and once for several deliveries that it did not come to run for. The library's,
    on top, counts each with its sender and calls Python's. Where only Python's is left, it counts.
    """

    __slots__ = ("__weakref__", "_counters", "_delivered", "_numbers", "_waiters")

    def __init__(self, *numbers: int) -> None:
        check_thread()
        if not numbers:
            raise ValueError("signals needs the number of a signal")
        self._numbers = tuple(dict.fromkeys(int(number) for number in numbers))
        self._delivered: deque[int] = deque()  # numbers, not counts: only an append is one step for a handler
        self._waiters: deque[Any] = deque()
        self._counters: dict[int, int] = {}  # the library's, by number
        for number in self._numbers:
            if number in _REFUSED:
                raise ValueError(f"{signal.Signals(number).name} cannot be counted: it has a use of its own")
        # What the thread blocks never gets to Python's handler: it stays pending, for whoever takes it.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        done = 0
        try:
            for number in self._numbers:
                _open.setdefault(number, []).append(self)
                done += 1
                if number not in _former:
                    former = signal.signal(number, _on_signal)
                    _former[number] = _on_interrupt if former is signal.default_int_handler else former
                if number not in blocked:
                    self._counters[number] = _scheduler.core.open_signal(number)
        except BaseException:
            self._close(self._numbers[:done])
            raise

    def __enter__(self) -> "signals":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<signals {' '.join(map(str, self._numbers))}>"

    def __bool__(self) -> bool:
        return bool(self._delivered)

    def close(self) -> None:
        """Counts no more; what was not taken is dropped. Who waits for it gets ValueError as the value."""
        check_thread()
        numbers, self._numbers = self._numbers, ()
        self._delivered.clear()
        self._close(numbers)
        wake_all(self._waiters)

    def _close(self, numbers: "tuple[int, ...]") -> None:
        for number in numbers:
            if number in self._counters:
                _scheduler.core.close(self._counters.pop(number))
            _open[number].remove(self)
            if not _open[number]:
                del _open[number]
                if number in _former:
                    former = _former.pop(number)
                    if signal.getsignal(number) is _on_signal:
                        # None: it was not installed by Python, and cannot be put back.
                        signal.signal(number, signal.SIG_DFL if former is None else former)

    def _deliver(self, number: int) -> None:
        """In the handler."""
        self._delivered.append(number)
        if self._waiters:
            wake_first(self._waiters)

    def _check(self, me: Task) -> None:
        if not self._numbers:
            raise ValueError("The signals are closed")

    def _takes(self) -> bool:
        return bool(self._numbers)

    def _holds(self) -> bool:
        return bool(self._delivered) or not self._numbers

    def _take(self) -> "Union[dict[int, Deliveries], ValueError]":
        if not self._numbers:
            return ValueError("The signals were closed")
        here = dict.fromkeys(self._numbers, 0)
        there = dict.fromkeys(self._numbers, 0)
        sender = dict.fromkeys(self._numbers, 0)
        delivered = self._delivered
        # The library first, and until it has nothing more: for all that it has counted in this thread Python's handler
        # has run by the end of the call, so that nothing is counted there now and here by the next wait.
        more = True
        while more:
            more = False
            for number, counter in self._counters.items():
                count, last = _scheduler.core.take_signal(counter)
                if count:
                    there[number] += count
                    sender[number] = last
                    more = True
            while delivered:
                here[delivered.popleft()] += 1
        return {
            number: Deliveries(max(here[number], there[number]), sender[number])
            for number in self._numbers
            if here[number] or there[number]
        }

    def _line(self) -> "deque[Any]":
        return self._waiters

    def _pass_on(self) -> None:
        if self._delivered and self._waiters:
            wake_first(self._waiters)


def WaitForQuit(catch_interrupt: bool = True) -> None:
    """Waits for Quit(). With catch_interrupt Ctrl-C is one, from now on."""
    check_thread()
    if catch_interrupt:
        signal.signal(signal.SIGINT, _quit)
    _QuitEvent.Wait()


def _quit(_number: int, _frame: Optional[FrameType]) -> None:
    Callback(_QuitEvent.Signal)
