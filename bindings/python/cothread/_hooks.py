# SPDX-License-Identifier: Apache-2.0
"""Puts what suspends a task in the place of the standard library's blocking calls, for programs that know no tasks.

Each hook may be called again, and warns if it comes too late for somebody. Where no task runs, in other threads above
all, the replacements are as the standard library's.
"""

import queue
import select as _standard_select
import selectors
import socket as _standard_socket
import sys
import threading
import time
from typing import Any, Optional

from . import cosocket
from ._scheduler import Sleep, Yield
from ._standard import _system_poll, in_task, replace
from ._timeouts import AbsTimeout
from .coselect import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, poll_list
from .cosocket import socket_hook

__all__ = [
    "dns_hook",
    "patch_all",
    "queue_hook",
    "selectors_hook",
    "ssl_hook",
    "subprocess_hook",
    "threading_hook",
    "time_hook",
]


# ---- time


_system_sleep = time.sleep


def sleep(seconds: Any, /) -> None:
    if not in_task():
        _system_sleep(seconds)
    elif isinstance(seconds, (int, float)) and seconds > 0:
        Sleep(seconds)
    else:
        _system_sleep(seconds)  # which takes no time, or says what is wrong
        Yield()


def time_hook() -> None:
    """time.sleep."""
    replace("time_hook", time, {"sleep": sleep})


# ---- select


_system_select = _standard_select.select
_system_epoll = _standard_select.epoll

# What select takes for each of its lists, as Linux has it.
_READABLE = POLLIN | POLLHUP | POLLERR
_WRITABLE = POLLOUT | POLLERR
_URGENT = POLLPRI


_POLL_MAX = 2**31 - 1  # milliseconds


def _number(file: Any) -> int:
    return file if isinstance(file, int) else int(file.fileno())


def select(rlist: Any, wlist: Any, xlist: Any, timeout: Optional[float] = None, /) -> Any:
    if not in_task():
        return _system_select(rlist, wlist, xlist, timeout)
    rlist, wlist, xlist = list(rlist), list(wlist), list(xlist)
    if timeout is not None and timeout <= 0:
        Yield()
        return _system_select(rlist, wlist, xlist, timeout)
    deadline = AbsTimeout(timeout)
    found = _system_select(rlist, wlist, xlist, 0)  # and what it says of the arguments
    masks: dict[int, int] = {}
    for files, events in ((rlist, POLLIN), (wlist, POLLOUT), (xlist, POLLPRI)):
        for file in files:
            masks[_number(file)] = masks.get(_number(file), 0) | events
    while not any(found):
        reported = poll_list(masks.items(), deadline)
        found = _system_select(rlist, wlist, xlist, 0)
        if not reported:
            break
        if not any(found):
            # Who asked for urgent data only is told of errors, too, over and over.
            for fd, bits in reported:
                if masks[fd] == POLLPRI and not bits & POLLPRI:
                    del masks[fd]
    return found


class poll:
    """select.poll, whose method poll suspends the task."""

    def __init__(self) -> None:
        self._poll = _system_poll()
        self._masks: dict[int, int] = {}

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT, /) -> None:
        self._poll.register(fd, eventmask)
        self._masks[_number(fd)] = eventmask

    def modify(self, fd: Any, eventmask: int, /) -> None:
        self._poll.modify(fd, eventmask)
        self._masks[_number(fd)] = eventmask

    def unregister(self, fd: Any, /) -> None:
        self._poll.unregister(fd)
        del self._masks[_number(fd)]

    def poll(self, timeout: Optional[float] = None, /) -> "list[tuple[int, int]]":
        if not in_task() or (timeout is not None and timeout > _POLL_MAX):  # too much for an int: it says so
            return self._poll.poll(timeout)
        forever = timeout is None or timeout < 0
        deadline = AbsTimeout(None if timeout is None or forever else timeout / 1000)
        if timeout == 0:
            Yield()
        while True:
            found = self._poll.poll(0)
            if found or timeout == 0 or not poll_list(self._masks.items(), deadline):
                return found


class epoll:
    """select.epoll, whose method poll suspends the task."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._epoll = _system_epoll(sizehint, flags)

    @classmethod
    def fromfd(cls, fd: int, /) -> "epoll":
        made = cls.__new__(cls)
        made._epoll = _system_epoll.fromfd(fd)
        return made

    def __enter__(self) -> "epoll":
        self._epoll.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._epoll.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._epoll, name)

    def poll(self, timeout: Optional[float] = None, maxevents: int = -1) -> "list[tuple[int, int]]":
        forever = timeout is None or timeout < 0
        if not in_task():
            return self._epoll.poll(timeout, maxevents)
        deadline = AbsTimeout(None if forever else timeout)
        if timeout == 0:
            Yield()
        while True:
            found = self._epoll.poll(0, maxevents)
            if found or timeout == 0 or not poll_list([(self._epoll.fileno(), POLLIN)], deadline):
                return found


def select_hook() -> None:
    """select.select, select.poll and select.epoll."""
    replace("select_hook", _standard_select, {"select": select, "poll": poll, "epoll": epoll})


def selectors_hook() -> None:
    """The selectors that the module selectors makes from now on: SelectSelector, PollSelector and EpollSelector, which
    is DefaultSelector."""
    selectors.SelectSelector._select = staticmethod(select)  # type: ignore[attr-defined]
    selectors.PollSelector._selector_cls = poll  # type: ignore[attr-defined]
    selectors.EpollSelector._selector_cls = epoll  # type: ignore[attr-defined]


# ---- names, TLS


def dns_hook() -> None:
    """The look-ups of the module socket: getaddrinfo, gethostbyname, gethostbyname_ex, gethostbyaddr, getnameinfo."""
    names = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
    replace("dns_hook", _standard_socket, {name: getattr(cosocket, name) for name in names}, also=("_socket",))


def ssl_hook() -> None:
    """The sockets that wrap_socket of any ssl.SSLContext makes, whatever socket it is given."""
    from . import _tls

    _tls.ssl_hook()


# ---- locks and queues


def threading_hook() -> None:
    """threading.Lock and RLock, and with them the conditions, semaphores, events and barriers made from now on;
    Thread.join."""
    from . import _locks

    replace(
        "threading_hook",
        threading,
        {"Lock": _locks.Lock, "_allocate_lock": _locks.Lock, "RLock": _locks.RLock},
        also=_STANDARD,
    )
    threading.Thread.join = _locks.join  # type: ignore[method-assign]


def queue_hook() -> None:
    """queue.SimpleQueue, and by threading_hook the queues of the module queue made from now on."""
    from . import _locks

    threading_hook()
    replace("queue_hook", queue, {"SimpleQueue": _locks.SimpleQueue}, also=_STANDARD)


# ---- children


def subprocess_hook() -> None:
    """Popen.wait and communicate, what is made of them (run, call, check_output), and the pipes to a child. The end of
    a child is waited for by its descriptor: no handler for SIGCHLD is installed."""
    from . import _subprocess

    selectors_hook()  # by which communicate waits
    _subprocess.subprocess_hook()


# Modules of the standard library keep what they imported: they hold a lock while they do no more than look around.
_BEFORE_3_10 = ("_queue", "_thread", "asyncio", "concurrent", "functools", "logging", "multiprocessing", "tempfile")
_STANDARD: "tuple[str, ...]" = tuple(getattr(sys, "stdlib_module_names", _BEFORE_3_10))


def patch_all() -> None:
    """All hooks."""
    time_hook()
    select_hook()
    selectors_hook()
    dns_hook()
    socket_hook()
    ssl_hook()
    queue_hook()
    subprocess_hook()
