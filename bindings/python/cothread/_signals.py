# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, and other signals while the hub sleeps.

With Python's own handler a KeyboardInterrupt lands between any two bytecodes, in whichever task happens to run, and
tasks are lost. Ours raises it where it belongs, in main: at once if main is running the program's code, else at
main's next turn. Only a second one with no turn in between is raised where it lands, because something spins there.
"""

import os
import signal
import threading
from types import FrameType
from typing import Optional

from greenlet import getcurrent

from . import _library, _scheduler
from ._callbacks import Callback
from ._events import _QuitEvent
from ._scheduler import Watch, attach, check_thread, requests


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


def WaitForQuit(catch_interrupt: bool = True) -> None:
    """Waits for Quit(). With catch_interrupt Ctrl-C is one, from now on."""
    check_thread()
    if catch_interrupt:
        signal.signal(signal.SIGINT, _quit)
    _QuitEvent.Wait()


def _quit(_number: int, _frame: Optional[FrameType]) -> None:
    Callback(_QuitEvent.Signal)
