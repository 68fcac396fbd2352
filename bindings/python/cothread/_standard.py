# SPDX-License-Identifier: Apache-2.0
"""What stands in for the standard library's blocking calls has in common: where it may suspend a task, and how it takes
their place."""

import math
import os
import select
import sys
import warnings
from _thread import get_ident
from types import ModuleType
from typing import Any, Optional

from greenlet import getcurrent

from . import _scheduler

_system_poll = select.poll
_TIMEOUT_MAX = 2**31 - 1  # the system's poll takes an int of milliseconds; 24 days

_thread: Optional[int] = _scheduler.scheduler_thread_id


def in_task() -> bool:
    """Whether the caller may wait as a task. Other threads, a forked child, and what runs while every task waits
    (signal handlers, finalizers) block as they do without this package."""
    return get_ident() == _thread and getcurrent() is not _scheduler.hub


def _in_child() -> None:
    global _thread
    _thread = None


os.register_at_fork(after_in_child=_in_child)


def block(fd: int, events: int, deadline: Optional[int]) -> int:
    """wait_descriptor for who is no task: blocks the thread."""
    look = _system_poll()
    look.register(fd, events)
    while True:
        left = None if deadline is None else max(0, deadline - _scheduler.core.now()) / 1e6
        found = look.poll(None if left is None else min(math.ceil(left), _TIMEOUT_MAX))
        if found:
            return found[0][1]
        if deadline is not None and deadline <= _scheduler.core.now():
            return 0


def replace(hook: str, module: ModuleType, names: "dict[str, Any]", also: "tuple[str, ...]" = ()) -> None:
    """Gives the module other objects under these names, and warns if somebody holds the former ones. `also`: modules
    whose copies of them do no harm."""
    late = []
    for name, new in names.items():
        old = getattr(module, name)
        if old is new:
            continue
        setattr(module, name, new)
        for holder in list(sys.modules.values()):
            title = getattr(holder, "__name__", None)
            if not isinstance(title, str) or title.partition(".")[0] in (__package__, module.__name__, *also):
                continue
            late += [f"{title}.{key}" for key, value in list(vars(holder).items()) if value is old]
    if late:
        level = 2
        while sys._getframe(level - 1).f_globals.get("__package__") == __package__:
            level += 1
        warnings.warn(
            f"{hook}() comes too late for what was imported before it: {', '.join(sorted(late))}. "
            "Call it first in the program",
            RuntimeWarning,
            stacklevel=level,
        )
