# SPDX-License-Identifier: Apache-2.0
"""The tasks' half of the package under the name existing programs import it by."""

from ._callbacks import Callback, CallbackFull, CallbackQueue, CallbackResult, ThreadedEventQueue, _Callback
from ._connections import Connection, Listener, connect, listen
from ._events import Event, EventQueue, Pulse, Quit, RLock, Timer, WaitForAll, _QuitEvent
from ._library import LibraryError
from ._offload import Job, Pool, offload
from ._process import Process
from ._scheduler import Misuse, Sleep, SleepUntil, Spawn, Timedout, Yield, scheduler_thread_id
from ._signals import Deliveries, WaitForQuit, signals
from ._timeouts import AbsTimeout, Deadline, GetDeadline
from ._wait import wait
from ._watches import FileChange, FileWatch

__all__ = [
    "AbsTimeout",
    "Callback",
    "CallbackFull",
    "CallbackQueue",
    "CallbackResult",
    "Connection",
    "Deadline",
    "Deliveries",
    "Event",
    "EventQueue",
    "FileChange",
    "FileWatch",
    "GetDeadline",
    "Job",
    "LibraryError",
    "Listener",
    "Misuse",
    "Pool",
    "Process",
    "Pulse",
    "Quit",
    "RLock",
    "Sleep",
    "SleepUntil",
    "Spawn",
    "ThreadedEventQueue",
    "Timedout",
    "Timer",
    "WaitForAll",
    "WaitForQuit",
    "Yield",
    "_Callback",
    "_QuitEvent",
    "connect",
    "listen",
    "offload",
    "scheduler_thread_id",
    "signals",
    "wait",
]
