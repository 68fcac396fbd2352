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
from types import FrameType
from typing import Any, Optional, Union

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


class _SignalPipe(Watch):
    """Ends the hub's poll when a signal arrives that does not interrupt its system call: it came just before, or to
    another thread. Python's C handler writes a byte for each into the descriptor it was given."""

    __slots__ = ("_chained", "_read", "_write")

    def __init__(self) -> None:
        super().__init__()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._chained = -1

    def listen(self) -> None:
        chained = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        if chained != self._write:  # called again, after a handler that raised
            self._chained = chained
        self._arm()

    def _arm(self) -> None:
        handle = self.handle or attach(self)
        operation = _library.wait_descriptor(self._read)
        self.armed = requests.add(handle, operation, _library.FOREVER, _scheduler.POLLIN)

    def completed(self, what: int) -> None:
        try:
            numbers = os.read(self._read, 4096)
            if self._chained >= 0:
                os.write(self._chained, numbers)
        except OSError:
            pass  # nothing to read; or the descriptor we chain to is full or gone
        self._arm()


def _install() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)
    _pipe.listen()


if threading.current_thread() is threading.main_thread():  # else signals are another thread's business
    _pipe = _SignalPipe()  # now: without descriptors an import that fails is better than a wait
    _scheduler.on_first_wait.append(_install)


_open: "dict[int, list[signals]]" = {}  # by number
_former: "dict[int, Any]" = {}  # the handlers that ours took the place of


def _on_signal(number: int, _frame: Optional[FrameType]) -> None:
    for each in _open.get(number, ()):
        each._deliver(number)


class signals(Source):  # as the signal module's signal
    """Counts the deliveries of some signals from now until it is closed, also while nobody waits.

    It is to be waited for (`wait`), beside other things: the value is {number: deliveries since the last wait}. Each
    open one gets every delivery. The handlers of before come back with the last one that is closed, unless somebody
    installed others meanwhile. In Python's main thread only.
    """

    __slots__ = ("__weakref__", "_delivered", "_numbers", "_waiters")

    def __init__(self, *numbers: int) -> None:
        check_thread()
        if not numbers:
            raise ValueError("signals needs the number of a signal")
        self._numbers = tuple(dict.fromkeys(int(number) for number in numbers))
        self._delivered: deque[int] = deque()  # numbers, not counts: only an append is one step for a handler
        self._waiters: deque[Any] = deque()
        done = 0
        try:
            for number in self._numbers:
                _open.setdefault(number, []).append(self)
                done += 1
                if number not in _former:
                    former = signal.signal(number, _on_signal)
                    _former[number] = _on_interrupt if former is signal.default_int_handler else former
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

    def _take(self) -> "Union[dict[int, int], ValueError]":
        if not self._numbers:
            return ValueError("The signals were closed")
        counts: dict[int, int] = {}
        delivered = self._delivered
        while delivered:
            number = delivered.popleft()
            counts[number] = counts.get(number, 0) + 1
        return counts

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
