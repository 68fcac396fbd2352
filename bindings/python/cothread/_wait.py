# SPDX-License-Identifier: Apache-2.0
"""One task waits for several things.

What Python knows about has queues, and the task gets a place in each: who wakes the first of a queue finds it there,
and the task leaves the others. What the library knows about goes into one request, whose answer says that it is time to
look. So the task itself looks at everything: when the call begins, and each time it goes on. The library looks first,
because only that may fail; of what takes one is taken, last. So nothing that the library is asked for may take.
"""

import errno
import os
import threading
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Optional, Protocol, TypeVar, Union, overload

from . import _library, _scheduler
from ._callbacks import CallbackQueue
from ._events import Timer
from ._library import FOREVER, Items, LibraryError
from ._scheduler import (
    LEFT,
    OVERDUE,
    PLACED,
    UNTIMED,
    Bound,
    Misuse,
    Place,
    Source,
    Task,
    Timeout,
    another_round,
    attach,
    current_task,
    deadline_after,
    disarm,
    inside,
    leave,
    requests,
    settle,
    shown,
    wait_code,
    withdraw,
)
from .coselect import POLLIN, POLLNVAL, POLLOUT, descriptor

if TYPE_CHECKING:
    from ._offload import Job
    from ._process import Process
    from ._signals import Deliveries, signals
    from ._watches import FileChange, FileWatch

_hub = _scheduler.hub
_ITEMS_MAX = 65536
_MODES = {"r": POLLIN, "w": POLLOUT}


class HasFileno(Protocol):
    def fileno(self) -> int: ...


File = tuple[Union[int, HasFileno], Literal["r", "w"]]


class _Timed(Source):
    """A timer, as one wait sees it: an expiry is told to all that wait, whoever looks first."""

    __slots__ = ("_resets", "_timer", "_told")

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._told = timer._told
        self._resets = timer._resets

    def due(self) -> int:
        self._follow()
        return self._timer._due(self._told)

    def _follow(self) -> None:
        if self._resets != self._timer._resets:
            self._resets = self._timer._resets
            self._told = 0

    def _holds(self) -> bool:
        return self.due() <= _scheduler.core.now()

    def _take(self) -> int:
        self._follow()
        timer = self._timer
        expiries = timer._expiries()
        count = expiries - self._told
        timer._told = max(timer._told, expiries)
        return count

    def _line(self) -> Any:
        return self._timer._waiters


class Asked(Bound):
    """Something that the library knows about."""

    __slots__ = ()

    def _item(self) -> "tuple[int, int, int]":
        """Kind of the item, what to watch for, handle or descriptor."""
        raise NotImplementedError

    def _value(self, result: int, value: int) -> Any:
        """What a wait reports, made of what the library tells."""
        raise NotImplementedError

    def _over(self) -> bool:
        """Whether the library knows it no more."""
        return False

    def _forget(self) -> None:
        """The wait is over."""


class _File(Asked):
    __slots__ = ("_descriptor", "_events")

    def __init__(self, number: int, events: int) -> None:
        self._descriptor = number
        self._events = events

    def is_open(self) -> bool:
        try:
            os.fstat(self._descriptor)
        except OSError:
            return False
        return True

    def _item(self) -> "tuple[int, int, int]":
        return _library.ITEM_FD, self._events, self._descriptor

    def _value(self, result: int, value: int) -> int:
        return result


class Adopted(Bound):
    """A descriptor that the library reads and writes."""

    __slots__ = ()

    def fileno(self) -> int:
        raise NotImplementedError

    def _side(self, mode: str) -> Optional[Source]:
        """What waits for "r" or "w"; None: there is no such thing."""
        raise NotImplementedError


def _pair(number: int, item: "tuple[Any, ...]") -> "Union[_File, Source]":
    if len(item) != 2 or not isinstance(item[1], str) or item[1] not in _MODES:
        raise ValueError(f"item {number} is {shown(item)}, no pair of a file or descriptor and 'r' or 'w'")
    file, mode = item
    if not isinstance(file, Adopted):
        try:
            return _File(descriptor(file), _MODES[mode])
        except TypeError as error:
            raise TypeError(f"item {number}: {error}") from None
        except ValueError as error:
            raise ValueError(f"item {number}: {error}") from None
    if file.fileno() < 0:
        raise OSError(errno.EBADF, f"item {number}: {file!r} cannot be waited for")
    source = file._side(mode)
    if source is None:
        raise ValueError(
            f"item {number} is {shown(item)}: nothing is written to a listener, 'r' waits for a connection"
        )
    return source


class _ThreadEnd(Asked):
    __slots__ = ("_handle",)

    def __init__(self, tid: int) -> None:
        self._handle = _scheduler.core.open_thread(tid)

    def _item(self) -> "tuple[int, int, int]":
        return _library.ITEM_PROCESS, 0, self._handle

    def _value(self, result: int, value: int) -> None:
        return None

    def _forget(self) -> None:
        _scheduler.core.close(self._handle)


class _Ended(Source):
    """A thread that has ended."""

    __slots__ = ()

    def _holds(self) -> bool:
        return True

    def _take(self) -> None:
        return None


def _thread(thread: threading.Thread) -> "Union[_ThreadEnd, _Ended]":
    if thread.ident is None:
        raise Misuse(f"{thread!r} has not been started")
    if thread is threading.current_thread():
        raise Misuse("A thread cannot wait for itself")
    if not thread.is_alive():
        return _Ended()
    try:
        end = _ThreadEnd(thread.native_id or 0)
    except ProcessLookupError:  # just now
        return _Ended()
    if thread.is_alive():
        return end
    end._forget()  # it may be another's number
    return _Ended()


_chance = 1  # which of several that take is taken


class Choice:
    """A wait for several things, under way."""

    __slots__ = (
        "_asked",
        "_began",
        "_deadline",
        "_given",
        "_items",
        "_open",
        "_places",
        "_sources",
        "_task",
        "_timed",
        "_told",
        "_told_before",
        "_woken",
    )

    def __init__(self, me: Task, given: "list[Any]", deadline: Optional[int]) -> None:
        self._task = me
        self._given = given
        self._deadline = FOREVER if deadline is None else deadline
        self._began = False  # it has been waited: what goes wrong from now on is the value of its item
        self._sources: list[tuple[int, Source]] = []
        self._asked: list[tuple[int, Asked]] = []
        self._timed: list[_Timed] = []
        self._items: Any = None  # Items, if the library is asked
        self._places: list[Place] = []
        self._open = False  # places may be woken
        self._woken: Optional[Source] = None  # what the task was woken for
        self._told_before: list[tuple[Timer, int]] = []  # what was told of timers, if nothing comes of it
        self._told: Any = None  # a file that the library reported, with its place and its bits
        try:
            for number, item in enumerate(given):
                if isinstance(item, Source):
                    item._check(me)
                    self._sources.append((number, item))
                    item = item._asked()
                    if item is None:
                        continue
                self._add(number, item)
            if self._asked:
                self._ask()
        except BaseException:
            self.forget()
            raise

    def _add(self, number: int, item: Any) -> None:
        if isinstance(item, tuple):
            item = _pair(number, item)
        elif isinstance(item, threading.Thread):
            item = _thread(item)
        elif isinstance(item, Timer):
            item = _Timed(item._waited())
            self._timed.append(item)
        elif not isinstance(item, Asked):
            raise TypeError(f"item {number} is {shown(item)}, which cannot be waited for")
        if isinstance(item, Asked):
            self._asked.append((number, item))
        else:
            self._sources.append((number, item))

    def _ask(self) -> None:
        self._items = Items()
        for _, asked in self._asked:
            self._items.add(*asked._item())

    def look(self) -> "list[tuple[Any, Any]]":
        """What fires now, in the order of the items; of those that take only one, which is taken."""
        found: dict[int, Any] = {}
        if self._asked:
            self._look_at_asked(found)
        takers = []
        for pair in self._sources:
            source = pair[1]
            if source._holds():
                if source._takes():
                    takers.append(pair)
                else:
                    if isinstance(source, _Timed):
                        self._told_before.append((source._timer, source._timer._told))
                    found[pair[0]] = source._take()
        given = self._given
        if not takers:
            if not found:
                return []
            fires = [(given[number], found[number]) for number in sorted(found)]
            self._release()
            return fires
        number, taker = takers[0] if len(takers) == 1 else self._one_of(takers)
        found[number] = None
        numbers = sorted(found)
        fires = [(given[n], found[n]) for n in numbers]
        place = numbers.index(number)
        item = given[number]
        self._release()
        fires[place] = (item, taker._take())  # nothing is called behind this: a signal handler might raise
        self._woken = None
        return fires

    def _look_at_asked(self, found: "dict[int, Any]") -> None:
        for _, asked in self._asked:
            if asked._over():
                self._asked = [pair for pair in self._asked if not pair[1]._over()]
                self._ask()
                break
        if self._asked and self._fires(found):
            for place, (number, asked) in enumerate(self._asked):
                fired = self._items.fired(place)
                if fired is not None:
                    found[number] = asked._value(*fired)
        if self._told is not None:
            number, bits = self._told
            self._told = None
            found.setdefault(number, bits)

    def _one_of(self, takers: "list[tuple[int, Source]]") -> "tuple[int, Source]":
        """The one the task was woken for, which was first; else any, so that a busy one starves none."""
        for taker in takers:
            if taker[1] is self._woken:
                return taker
        global _chance
        _chance = (_chance * 1664525 + 1013904223) & 0xFFFFFFFF
        return takers[_chance * len(takers) >> 32]

    def _fires(self, found: "dict[int, Any]") -> bool:
        while True:
            try:
                return _scheduler.core.look(self._items, requests) > 0
            except LibraryError as error:
                if error.code != _library.EBADF:
                    raise
                closed = [number for number, asked in self._asked if isinstance(asked, _File) and not asked.is_open()]
                if not closed:
                    raise
                if not self._began:
                    text = f"item {closed[0]}: the descriptor of {self._given[closed[0]]!r} is not open"
                    raise OSError(errno.EBADF, text) from None
            # It fires, and the others are looked at beside it.
            found.update(dict.fromkeys(closed, POLLNVAL))
            self._asked = [pair for pair in self._asked if pair[0] not in found]
            if not self._asked:
                return False
            self._ask()

    def wait(self) -> bool:
        """Suspends until it is time to look again; False after the deadline, with nothing due."""
        me = self._task
        if me.queue is None or settle(me):
            return self._wait(me)
        try:
            return bool(inside(me, self._wait))
        finally:
            self._task = me

    def _wait(self, me: Task) -> bool:
        self._task = me
        try:
            me.expired = False
            me.armed = UNTIMED
            me.queue = self
            self._woken = None
            self._began = True
            self._places = places = [Place(self, source, source._line()) for _, source in self._sources]
            self._open = True
            if self._asked or self._timed or self._deadline != FOREVER:
                self._arm()
            for place in places:
                if not self._open:
                    break
                place.armed = PLACED
                place.queue.append(place)
            # Once more: a signal handler may have brought something since the look.
            for place in places:
                if place.source._holds() and self._open:
                    withdraw(me)
                    return True
            for entry in _scheduler.turns:
                break
            if entry is _hub and another_round():
                for entry in _scheduler.turns:
                    break
            entry.switch()
            # Whoever woke it may have been cut short by a signal handler that raised.
            self._leave()
            if me.armed:
                disarm(me)
            me.queue = None
        except BaseException:
            withdraw(me)
            raise
        if not me.expired or self._deadline > _scheduler.core.now():
            return True
        return any(timed._holds() for timed in self._timed) or any(
            source._holds() for _, source in self._sources if source._comes_late()
        )

    def _arm(self) -> None:
        me = self._task
        limit = min([self._deadline, *(timed.due() for timed in self._timed)])
        if limit <= _scheduler.core.now():
            if any(source._comes_late() for _, source in self._sources):
                handle = me.handle or attach(me)
                me.armed = requests.end
                requests.add(handle, _library.WAIT_DEADLINE, _library.NOW, 0)
            else:
                me.armed = OVERDUE
                _scheduler.overdue.append((limit, me))
        elif self._asked:
            handle = me.handle or attach(me)
            me.armed = requests.end
            requests.add_items(handle, self._items, limit)
        elif limit < FOREVER:
            handle = me.handle or attach(me)
            me.armed = requests.end
            requests.add(handle, _library.WAIT_DEADLINE, limit, 0)

    def rearm(self) -> None:
        """One of its timers was set again."""
        disarm(self._task)
        self._task.armed = UNTIMED
        self._arm()

    def wake(self, place: Place) -> None:
        """The place is the first of its queue: the task is woken, and leaves all of them."""
        self._woken = place.source
        task = self._task
        _scheduler.ready.append(task)
        place.armed = LEFT  # and taken out by who called this
        self._leave()
        disarm(task)

    def told(self, item: int, what: int) -> None:
        """An entry of the batch. Of several tasks that wait for a file one is told, and a look passes over those for
        which somebody waits: so this counts as seen."""
        number, asked = self._asked[(item & 0xFFFFFFFF) - 1]
        if isinstance(asked, _File) and not what & 0xFFFFFFFF:
            self._told = number, what >> 32

    def remove(self, _task: Task) -> None:
        """As a queue's: the task is woken by something else."""
        self._leave()

    def _leave(self) -> None:
        self._open = False
        for place in self._places:
            if place.armed == PLACED:
                leave(place)
        self._places = []  # they hold this, which so would wait for a collection

    def __len__(self) -> int:
        return 0  # has no last entry that was left, see _scheduler.remove

    def _release(self) -> None:
        asked, self._asked = self._asked, []
        for _, each in asked:
            each._forget()

    def forget(self) -> None:
        """It is over, with nothing taken. If the task was woken for something, somebody else is."""
        self._release()
        woken = self._woken
        if woken is not None:
            self._woken = None
            woken._pass_on()


wait_code.add(Choice._wait.__code__)


Waitable = Union[Source, Asked, Timer, threading.Thread, File]
W = TypeVar("W", bound=Union[Source, Asked])
T = TypeVar("T")


def _listed(items: Any) -> "list[Any]":
    if isinstance(items, (Source, Asked, Adopted, Timer, threading.Thread)) or not hasattr(items, "__iter__"):
        # Some of them could be iterated over, which would take what is in them.
        raise TypeError(f"items is {items!r}, not a list of things to wait for")
    given = list(islice(items, _ITEMS_MAX + 1))
    if not given:
        raise ValueError("items is empty: there is nothing to wait for")
    if len(given) > _ITEMS_MAX:
        raise ValueError(f"items has more than {_ITEMS_MAX} things to wait for")
    return given


@overload
def wait(items: "Iterable[File]", timeout: Timeout = None) -> "list[tuple[File, int]]": ...
@overload
def wait(items: "Iterable[Timer]", timeout: Timeout = None) -> "list[tuple[Timer, int]]": ...
@overload
def wait(items: "Iterable[CallbackQueue]", timeout: Timeout = None) -> "list[tuple[CallbackQueue, int]]": ...
@overload
def wait(items: "Iterable[Process]", timeout: Timeout = None) -> "list[tuple[Process, Union[int, OSError]]]": ...
@overload
def wait(items: "Iterable[Job[T]]", timeout: Timeout = None) -> "list[tuple[Job[T], Union[T, BaseException]]]": ...
@overload
def wait(
    items: "Iterable[signals]", timeout: Timeout = None
) -> "list[tuple[signals, Union[dict[int, Deliveries], ValueError]]]": ...
@overload
def wait(
    items: "Iterable[FileWatch]", timeout: Timeout = None
) -> "list[tuple[FileWatch, Union[FileChange, OSError]]]": ...
@overload
def wait(items: "Iterable[threading.Thread]", timeout: Timeout = None) -> "list[tuple[threading.Thread, None]]": ...
@overload
def wait(items: "Iterable[W]", timeout: Timeout = None) -> "list[tuple[W, Any]]": ...
@overload
def wait(items: "Iterable[Waitable]", timeout: Timeout = None) -> "list[tuple[Waitable, Any]]": ...


def wait(items: "Iterable[Any]", timeout: Any = None) -> "list[tuple[Any, Any]]":
    """Waits until one of the items fires; returns [(item, value)] of all that do, [] after the timeout.

    Items and their values: Event, EventQueue, Spawn, Job: what Wait returns, or the exception that it raises;
    (file or descriptor, "r" or "w"): the bits of poll; (Connection, "r" or "w"), (Listener, "r"): likewise, when a call
    would not wait; CallbackQueue: how many callbacks it has room for; Timer without a callback: how often it expired;
    Process: its returncode; signals: {number: (times, sender)}; FileWatch: a FileChange; Thread: None. Of the events
    with auto_reset, the queues, the signals and the file watches at most one fires, and its value is taken. All others
    are conditions: they are reported whenever they hold, and nothing is taken from them.
    """
    me = current_task()
    given = _listed(items)
    deadline = deadline_after(timeout)
    choice = Choice(me, given, deadline)
    try:
        while True:
            fires = choice.look()
            if fires:
                return fires
            if not choice.wait():
                choice.forget()
                return fires
    except BaseException:
        while choice._told_before:  # not in a function, at whose start another handler may raise
            timer, told = choice._told_before[-1]
            timer._told = told
            del choice._told_before[-1]
        choice.forget()
        raise
