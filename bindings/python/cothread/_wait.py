# SPDX-License-Identifier: Apache-2.0
"""One task waits for several things.

What Python knows about has queues, and the task gets a place in each: who wakes the first of a queue finds it there,
and the task leaves the others. What the library knows about goes into one request, whose answer only says that it is
time to look. So the task itself looks at everything: when the call begins, and each time it goes on. The library looks
first, because only that may fail; of what takes one is taken, last.
"""

import errno
import os
from collections.abc import Iterable
from typing import Any, Callable, Literal, Optional, Protocol, Union

from . import _library, _scheduler
from ._events import Timer
from ._library import FOREVER, Items, LibraryError
from ._scheduler import (
    OVERDUE,
    PLACED,
    Place,
    Source,
    Task,
    another_round,
    attach,
    current_task,
    deadline_after,
    disarm,
    leave,
    requests,
    withdraw,
)
from .coselect import POLLIN, POLLOUT, descriptor

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


class _Asked:
    """Something that the library knows about: an item of its wait, and how to read what it tells."""

    __slots__ = ("kind", "thing", "told", "want")

    def __init__(self, kind: int, want: int, thing: int, told: "Callable[[int, int], Any]") -> None:
        self.kind = kind
        self.want = want
        self.thing = thing
        self.told = told


def _bits(result: int, _value: int) -> int:
    return result


def _file(item: Any) -> _Asked:
    if len(item) == 2 and isinstance(item[1], str) and item[1] in _MODES:
        return _Asked(_library.ITEM_FD, _MODES[item[1]], descriptor(item[0]), _bits)
    raise ValueError(f"{item!r} is no pair of a file or descriptor and 'r' or 'w'")


_chance = 1  # which of several that take is taken


class Choice:
    """A wait for several things, under way."""

    __slots__ = ("_asked", "_deadline", "_given", "_items", "_open", "_places", "_sources", "_task", "_timed", "_woken")

    def __init__(self, me: Task, given: "list[Any]", deadline: Optional[int]) -> None:
        self._task = me
        self._given = given
        self._deadline = FOREVER if deadline is None else deadline
        self._sources: list[tuple[int, Source]] = []
        self._asked: list[tuple[int, _Asked]] = []
        self._timed: list[_Timed] = []
        self._items = Items()
        self._places: list[Place] = []
        self._open = False  # places may be woken
        self._woken: Optional[Source] = None  # what the task was woken for
        for number, item in enumerate(given):
            if isinstance(item, Source):
                item._check(me)
                self._sources.append((number, item))
            elif isinstance(item, Timer):
                timed = _Timed(item._waited())
                self._timed.append(timed)
                self._sources.append((number, timed))
            elif isinstance(item, tuple):
                asked = _file(item)
                self._items.add(asked.kind, asked.want, asked.thing)
                self._asked.append((number, asked))
            else:
                raise TypeError(f"item {number} is {item!r}, which cannot be waited for")

    def look(self) -> "list[tuple[Any, Any]]":
        """What fires now, in the order of the items; of those that take only one, which is taken."""
        given = self._given
        found: dict[int, Any] = {}
        if self._asked and self._fires():
            for place, (number, asked) in enumerate(self._asked):
                fired = self._items.fired(place)
                if fired is not None:
                    found[number] = asked.told(*fired)
        takers = []
        for number, source in self._sources:
            if source._holds():
                if source._takes():
                    takers.append((number, source))
                else:
                    found[number] = source._take()
        if not takers:
            return [(given[number], found[number]) for number in sorted(found)]
        number, taker = self._one_of(takers)
        found[number] = None
        numbers = sorted(found)
        fires = [(given[n], found[n]) for n in numbers]
        place = numbers.index(number)
        item = given[number]
        fires[place] = (item, taker._take())
        self._woken = None
        return fires

    def _one_of(self, takers: "list[tuple[int, Source]]") -> "tuple[int, Source]":
        """The one the task was woken for, which was first; else any, so that a busy one starves none."""
        for taker in takers:
            if taker[1] is self._woken:
                return taker
        global _chance
        _chance = (_chance * 1664525 + 1013904223) & 0xFFFFFFFF
        return takers[_chance * len(takers) >> 32]

    def _fires(self) -> bool:
        try:
            return _scheduler.core.look(self._items) > 0
        except LibraryError as error:
            if error.code == _library.EBADF:
                for number, asked in self._asked:
                    _check_open(number, asked)
            raise

    def wait(self) -> bool:
        """Suspends until it is time to look again; False after the deadline, with nothing due."""
        me = self._task
        try:
            me.expired = False
            me.queue = self
            self._woken = None
            self._places = [Place(self, source, source._line()) for _, source in self._sources]
            self._open = True
            self._arm()
            for place in self._places:
                if not self._open:
                    break
                place.armed = PLACED
                place.queue.append(place)
            # Once more: a signal handler may have brought something since the look.
            if self._open and any(source._holds() for _, source in self._sources) and self._open:
                self.remove(me)
                me.queue = None
                if me.armed:
                    disarm(me)
                return True
            for entry in _scheduler.turns:
                break
            if entry is _hub and another_round():
                for entry in _scheduler.turns:
                    break
            entry.switch()
        except BaseException:
            self.remove(me)
            withdraw(me, None)
            raise
        return not me.expired or self._deadline > _scheduler.core.now() or any(t._holds() for t in self._timed)

    def _arm(self) -> None:
        me = self._task
        limit = min((timed.due() for timed in self._timed), default=FOREVER)
        limit = min(limit, self._deadline)
        if limit <= _scheduler.core.now():
            me.armed = OVERDUE
            _scheduler.overdue.append((limit, me))
        elif self._asked:
            handle = me.handle or attach(me)
            me.armed = requests.add_items(handle, self._items, limit)
        elif limit < FOREVER:
            handle = me.handle or attach(me)
            me.armed = requests.add(handle, _library.WAIT_DEADLINE, limit, 0)

    def rearm(self) -> None:
        """One of its timers was set again."""
        if self._task.armed:
            disarm(self._task)
        self._arm()

    def chosen(self, place: Place) -> Task:
        """The place is the first of its queue, and woken: the others are left."""
        self._woken = place.source
        task = self._task
        task.queue = None
        if task.armed:
            disarm(task)
        self._leave(place)
        return task

    def remove(self, _task: Task) -> None:
        """As a queue's: the task is woken by something else."""
        self._leave(None)

    def _leave(self, head: Optional[Place]) -> None:
        self._open = False
        for place in self._places:
            if place is not head and place.armed == PLACED:
                leave(place)

    def __len__(self) -> int:
        return 0  # has no last entry that was left, see _scheduler.remove

    def pass_on(self) -> None:
        """It ends without what the task was woken for."""
        woken = self._woken
        if woken is not None:
            self._woken = None
            woken._pass_on()


def _check_open(number: int, asked: _Asked) -> None:
    if asked.kind == _library.ITEM_FD:
        try:
            os.fstat(asked.thing)
        except OSError:
            raise OSError(errno.EBADF, f"item {number}: descriptor {asked.thing} is not open") from None


def wait(items: "Iterable[Any]", timeout: Any = None) -> "list[tuple[Any, Any]]":
    """Waits until one of the items fires; returns [(item, value)] of all that do, [] after the timeout.

    Items and their values: Event, EventQueue, Spawn, Job: what Wait returns, or the exception that it raises;
    (file or descriptor, "r" or "w"): the bits of poll; CallbackQueue: how many callbacks it has room for; Timer
    without a callback: how often it expired. Of the events with auto_reset and the queues at most one fires, and its
    value is taken. All others are conditions: they are reported whenever they hold, and nothing is taken from them.
    """
    me = current_task()
    given = list(items)
    if not 0 < len(given) <= _ITEMS_MAX:
        raise ValueError(f"{len(given)} items: 1 to {_ITEMS_MAX} can be waited for")
    deadline = deadline_after(timeout)
    choice = Choice(me, given, deadline)
    try:
        while True:
            fires = choice.look()
            if fires or not choice.wait():
                return fires
    finally:
        choice.pass_on()
