# SPDX-License-Identifier: Apache-2.0
"""select and poll that suspend the calling task instead of the thread."""

import select as _select
from collections.abc import Iterable
from typing import Any, Optional, Union, cast

from . import _library, _scheduler
from ._scheduler import (
    NOWHERE,
    UNTIMED,
    Task,
    Timeout,
    Watch,
    another_round,
    attach,
    current_task,
    deadline_after,
    detach,
    disarm,
    go_on,
    inside,
    outcome,
    requests,
    settle,
    shown,
    wait,
    wait_code,
    wait_descriptor,
    withdraw,
)

POLLIN = 1
POLLPRI = 2
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
POLLNVAL = 32
POLLRDNORM = 64
POLLRDBAND = 128
POLLWRNORM = 256
POLLWRBAND = 512
POLLMSG = 1024
POLLEXTRA = POLLERR | POLLHUP | POLLNVAL  # reported whether asked for or not

__all__ = [
    "POLLERR",
    "POLLEXTRA",
    "POLLHUP",
    "POLLIN",
    "POLLMSG",
    "POLLNVAL",
    "POLLOUT",
    "POLLPRI",
    "POLLRDBAND",
    "POLLRDNORM",
    "POLLWRBAND",
    "POLLWRNORM",
    "SelectError",
    "poll",
    "poll_block",
    "poll_list",
    "select",
    "select_hook",
]

_system_poll = _select.poll

_FD_MAX = 2**31 - 1
_EVENTS_MAX = 2**16 - 1  # the system's poll takes a short

# What Linux reports together. POLLRDBAND it reports of no descriptor that it also finds readable.
_READ = POLLIN | POLLRDNORM
_WRITE = POLLOUT | POLLWRNORM | POLLWRBAND


def descriptor(file: Any) -> int:
    if isinstance(file, int):
        fd = file
    elif hasattr(file, "fileno"):
        fd = file.fileno()
    else:
        raise TypeError(f"{shown(file)} is neither a descriptor nor a file")
    if not 0 <= fd <= _FD_MAX:
        raise ValueError(f"descriptor is {fd}: " + ("the file is closed" if fd < 0 else f"at most {_FD_MAX}"))
    return fd


def _masks(event_list: "Iterable[tuple[Any, int]]") -> "dict[int, int]":
    masks: dict[int, int] = {}
    for pair in event_list:
        try:
            file, events = pair
        except (TypeError, ValueError):
            raise TypeError(f"{shown(pair)} is no pair of a descriptor or file and its events") from None
        fd = descriptor(file)
        if not isinstance(events, int) or not 0 <= events <= _EVENTS_MAX:
            raise ValueError(f"events of descriptor {fd} are {shown(events)}, not bits of poll")
        masks[fd] = masks.get(fd, 0) | events
    return masks


def _asked(events: int) -> int:
    """The library knows the three plain bits; poll's other ways to say the same are mapped to them. It is asked for at
    least one, which may be the error that is reported unasked."""
    return (POLLIN if events & _READ else 0) | (POLLOUT if events & _WRITE else 0) | (events & POLLPRI) | POLLERR


def _told(found: int, events: int) -> int:
    """The bits found, in the words they were asked for."""
    told = found & (POLLEXTRA | events & POLLPRI)
    if found & POLLIN:
        told |= events & _READ
    if found & POLLOUT:
        told |= events & _WRITE
    return told


class _Probe(Watch):
    """One descriptor of a poll_list of several."""

    __slots__ = ("events", "fd", "found", "task")

    fd: int
    events: int
    task: Task
    found: "list[tuple[int, Union[int, Exception]]]"

    def watch(self, task: Task, fd: int, events: int, found: "list[tuple[int, Union[int, Exception]]]") -> None:
        self.task = task
        self.fd = fd
        self.events = events
        self.found = found
        handle = self.handle or attach(self)
        operation = _library.wait_descriptor(fd)
        self.armed = requests.end
        requests.add(handle, operation, _library.FOREVER, _asked(events))

    def completed(self, what: int) -> None:
        found = self.found
        task = self.task
        if not found:  # the others of the same batch come too late to wake, but in time to be told
            task.expired = False
            if task.armed:
                _scheduler.ready.append(task)
                disarm(task)
            elif task in _scheduler.expired:
                _scheduler.ready.append(task)
                _scheduler.expired.remove(task)
        if all(fd != self.fd for fd, _ in found):
            found.append((self.fd, outcome(what)))
        self.armed = 0


# Handles kept for the next poll_list of several descriptors.
_spare: "list[_Probe]" = []
_SPARE = 1024


def poll_list(event_list: "Iterable[tuple[Any, int]]", timeout: Timeout = None) -> "list[tuple[int, int]]":
    """Waits until one of the (descriptor or file, events) is ready; returns [(descriptor, events)], [] on timeout.

    Always suspends. POLLHUP, POLLERR and (for a closed descriptor) POLLNVAL are reported unasked.
    """
    me = current_task()
    masks = _masks(event_list)
    deadline = deadline_after(timeout)
    if not masks or (deadline is not None and deadline <= _scheduler.core.now()):
        wait(me, None, deadline)
        return _ready_now(masks)
    if len(masks) == 1:
        ((fd, events),) = masks.items()
        bits = _told(wait_descriptor(me, fd, _asked(events), deadline), events)
        return [(fd, bits)] if bits else []
    if me.queue is not None and not settle(me):
        return cast("list[tuple[int, int]]", inside(me, _poll_several, masks, deadline))
    return _poll_several(me, masks, deadline)


def _poll_several(me: Task, masks: "dict[int, int]", deadline: Optional[int]) -> "list[tuple[int, int]]":
    found: list[tuple[int, Union[int, Exception]]] = []
    probes: list[_Probe] = []
    try:
        # wait(), written out: a signal handler that waits while the probes are armed finds the task in its wait.
        me.armed = UNTIMED
        me.queue = NOWHERE
        me.expired = False
        if deadline is not None:
            handle = me.handle or attach(me)
            me.armed = requests.end
            requests.add(handle, _library.WAIT_DEADLINE, deadline, 0)
        for fd, events in masks.items():
            probe = _spare.pop() if _spare else _Probe()
            probes.append(probe)
            probe.watch(me, fd, events, found)
        for entry in _scheduler.turns:
            break
        if entry is _scheduler.hub and another_round():
            for entry in _scheduler.turns:
                break
        entry.switch()
        if me.armed:
            go_on(me)
        me.queue = None
    except BaseException:
        withdraw(me)
        raise
    finally:
        for probe in probes:
            if probe.armed:
                disarm(probe)
            if len(_spare) < _SPARE:
                _spare.append(probe)
            else:
                detach(probe)
    result = []
    for fd, bits_or_error in found:
        if isinstance(bits_or_error, Exception):
            raise bits_or_error
        bits = _told(bits_or_error, masks[fd])
        if bits:
            result.append((fd, bits))
    return result


wait_code.add(_poll_several.__code__)


def _ready_now(masks: "dict[int, int]") -> "list[tuple[int, int]]":
    if not masks:
        return []
    look = _system_poll()
    for fd, events in masks.items():
        look.register(fd, events)
    return look.poll(0)


class poll:
    """select.poll that suspends the task. timeout in milliseconds; None or a negative one: for ever."""

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}

    def register(self, file: Any, events: int = POLLIN | POLLPRI | POLLOUT) -> None:
        self._masks.update(_masks([(file, events)]))

    def modify(self, file: Any, events: int) -> None:
        ((fd, mask),) = _masks([(file, events)]).items()
        if fd not in self._masks:
            raise FileNotFoundError(f"descriptor {fd} is not registered")
        self._masks[fd] = mask

    def unregister(self, file: Any) -> None:
        del self._masks[file if isinstance(file, int) else file.fileno()]

    def poll(self, timeout: Optional[float] = None) -> "list[tuple[int, int]]":
        forever = timeout is None or timeout < 0
        return poll_list(self._masks.items(), None if timeout is None or forever else timeout / 1000)


def poll_block(event_list: "Iterable[tuple[Any, int]]", timeout: Optional[float] = None) -> "list[tuple[int, int]]":
    """poll_list for any thread: blocks it. timeout in seconds."""
    look = _system_poll()
    for fd, events in _masks(event_list).items():
        look.register(fd, events)
    # The system counts milliseconds in an int, 24 days: who waits longer waits for ever.
    forever = timeout is None or timeout >= _FD_MAX / 1000
    return look.poll(None if timeout is None or forever else max(0, timeout) * 1000)


_FLAG_NAMES = ((POLLERR, "POLLERR"), (POLLHUP, "POLLHUP"), (POLLNVAL, "POLLNVAL"))


class SelectError(Exception):
    """A descriptor given to select has an error, or its other end is gone. `flags`: the bits of poll."""

    def __init__(self, flags: int) -> None:
        super().__init__(flags)
        self.flags = flags

    def __str__(self) -> str:
        return f"Select error: {' '.join(name for bit, name in _FLAG_NAMES if self.flags & bit)}"


def select(
    iwtd: "Iterable[Any]", owtd: "Iterable[Any]", ewtd: "Iterable[Any]", timeout: Timeout = None
) -> "tuple[list[Any], list[Any], list[Any]]":
    """select.select that suspends the task. Unlike it, raises SelectError on POLLHUP, POLLERR and POLLNVAL."""
    asked = ((list(iwtd), POLLIN), (list(owtd), POLLOUT), (list(ewtd), POLLPRI))
    found = dict(poll_list([(file, events) for files, events in asked for file in files], timeout))
    for flags in found.values():
        if flags & POLLEXTRA:
            raise SelectError(flags & POLLEXTRA)
    readable, writable, urgent = (
        [file for file in files if found.get(file if isinstance(file, int) else file.fileno(), 0) & events]
        for files, events in asked
    )
    return readable, writable, urgent


def select_hook() -> None:
    """Puts select, poll and epoll that suspend tasks in the place of the module select's. They return and raise what
    these do: no SelectError."""
    from . import _hooks

    _hooks.select_hook()
