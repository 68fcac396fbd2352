# SPDX-License-Identifier: Apache-2.0
"""What tasks share. All of it is Python: a wait without a timeout never troubles the library."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional, Union

from greenlet import getcurrent

from . import _scheduler
from ._library import FOREVER
from ._scheduler import (
    CROWD,
    PLACED,
    UNTIMED,
    Bound,
    Misuse,
    Source,
    Spawn,
    Task,
    Timedout,
    Timeout,
    WeaklyReferenced,
    another_round,
    check_thread,
    current_task,
    deadline_after,
    go_on,
    name_of,
    report_action,
    settle,
    shown,
    wait,
    wait_code,
    wake_all,
    wake_first,
    withdraw,
)
from ._timeouts import AbsTimeout

_hub = _scheduler.hub
_ready = _scheduler.ready
_turns = _scheduler.turns


class _Raise:
    """In place of an event's value: what Wait is to raise."""

    __slots__ = ("error", "traceback")

    def __init__(self, error: "Union[BaseException, type[BaseException]]") -> None:
        self.error = error
        self.traceback = error.__traceback__ if isinstance(error, BaseException) else None


_NOTHING: Any = object()  # in place of an event's value: not signalled; of a timer's callback: it has none


class Event(Source, metaclass=WeaklyReferenced):
    """Carries one value from Signal to Wait. A second Signal overwrites a value nobody took."""

    # A deque with nothing in it takes 600 bytes, so an event has none until somebody waits.
    __slots__ = ("__weakref__", "_aborted", "_auto_reset", "_value", "_waiters")

    def __init__(self, auto_reset: bool = True) -> None:
        self._auto_reset = auto_reset
        self._value = _NOTHING
        self._aborted = False
        self._waiters: Optional[deque[Any]] = None

    def __bool__(self) -> bool:
        return self._value is not _NOTHING

    def Wait(self, timeout: Timeout = None) -> Any:
        """Returns the value, at once if there is one. With auto_reset this takes it."""
        me: Any = getcurrent()
        try:
            inner = me.queue is not None  # current_task(), written out: a third of a round trip was spent in calls
        except AttributeError:
            current_task()
            inner = False
        value = self._value
        if value is _NOTHING:
            waiters = self._waiters
            if waiters is None:
                waiters = self._waiters = deque()
            deadline = None if timeout is None else deadline_after(timeout)
            if inner:
                inner = not settle(me)
            try:
                # More than once if another task takes the value between our wake and our turn.
                while value is _NOTHING:
                    if deadline is None and not inner and (not waiters or len(waiters) < CROWD):
                        me.armed = UNTIMED  # wait(), written out
                        me.queue = waiters
                        waiters.append(me)
                        if self._value is not _NOTHING and waiters and waiters[-1] is me:
                            withdraw(me)  # a signal handler was faster
                            value = self._value
                            break
                        for entry in _turns:
                            break
                        if entry is _hub and another_round():
                            for entry in _turns:
                                break
                        entry.switch()
                        if me.armed:
                            go_on(me)
                        me.queue = None
                    elif wait(me, waiters, deadline, self._satisfied) and self._value is _NOTHING:
                        raise Timedout("Timed out waiting for event")
                    value = self._value
            except Timedout:
                raise
            except BaseException:
                withdraw(me)
                self._pass_on()
                raise
        if self._auto_reset:
            self._value = _NOTHING
        if type(value) is _Raise:
            error = value.error
            try:
                if isinstance(error, BaseException):
                    raise error.with_traceback(value.traceback)  # without what earlier waits added
                raise error
            finally:
                del error, value  # the traceback holds this frame
        return value

    def _satisfied(self) -> bool:
        return self._value is not _NOTHING

    def _pass_on(self) -> None:
        if self._value is not _NOTHING and self._waiters:
            wake_first(self._waiters)

    def _takes(self) -> bool:
        return self._auto_reset

    _holds = _satisfied

    def _take(self) -> Any:
        value = self._value
        if self._auto_reset:
            self._value = _NOTHING
        return value.error if type(value) is _Raise else value

    def _give_back(self, value: Any) -> None:
        if self._auto_reset and self._value is _NOTHING:
            self._value = value
            self._pass_on()

    def _line(self) -> "deque[Any]":
        if self._waiters is None:
            self._waiters = deque()
        return self._waiters

    def Signal(self, value: Any = None) -> None:
        """Stores the value and wakes one waiter, or all without auto_reset. Never suspends."""
        try:
            getcurrent().armed  # type: ignore[attr-defined]  # noqa: B018  # check_thread(), written out
        except AttributeError:
            check_thread()
        waiters = self._waiters
        if waiters:
            if self._auto_reset:
                task = waiters[0]
                if task.armed is UNTIMED:
                    _ready.append(task)  # wake_first(), written out
                    if waiters and waiters[0] is task:  # else a handler woke it just now, for this value too
                        del waiters[0]
                        task.armed = 0
                else:
                    wake_first(waiters)
            else:
                wake_all(waiters)
        elif self._aborted:
            self._aborted = False
            return
        self._value = value

    def SignalException(self, exception: "Union[BaseException, type[BaseException]]") -> None:
        """As Signal, but Wait raises the exception."""
        if not issubclass(exception if isinstance(exception, type) else type(exception), BaseException):
            raise TypeError(f"SignalException needs an exception, not {shown(exception)}")
        Event.Signal(self, _Raise(exception))

    def Reset(self) -> None:
        """Drops a value nobody took, and what AbortWait left to be swallowed."""
        check_thread()
        self._value = _NOTHING
        self._aborted = False

    def AbortWait(self) -> None:
        """Somebody who was to wait will not: takes the value now, or else swallows the next one nobody waits for."""
        check_thread()
        if self._auto_reset:
            self._aborted = self._value is _NOTHING
            self._value = _NOTHING


wait_code.add(Event.Wait.__code__)


class Pulse(Bound):
    """Wakes those who wait at this moment, and remembers nothing."""

    def __init__(self) -> None:
        self._waiters: deque[Task] = deque()

    def Wait(self, timeout: Timeout = None) -> None:
        """Waits for the next Signal."""
        if wait(current_task(), self._waiters, deadline_after(timeout)):
            raise Timedout("Timed out waiting for event")

    def Signal(self, wake_all: bool = True) -> None:
        """Wakes all who wait, or only the first."""
        check_thread()
        waiters = self._waiters
        if wake_all:
            _scheduler.wake_all(waiters)
        elif waiters:
            wake_first(waiters)

    def AbortWait(self) -> None:
        """Nothing is ever kept for a waiter, so nothing is to be dropped."""


class EventQueue(Source, metaclass=WeaklyReferenced):
    """A queue of values. Each Signal wakes one waiter; iterating takes values until the queue is closed."""

    __slots__ = ("__weakref__", "_aborted", "_closed", "_max_length", "_values", "_waiters")

    def __init__(self, max_length: Optional[int] = None) -> None:
        self._values: deque[Any] = deque()
        self._waiters: deque[Any] = deque()
        if max_length is not None and not isinstance(max_length, int):
            raise TypeError(f"max_length is {shown(max_length)}, not a number of values")
        self._max_length = max_length
        self._closed = False
        self._aborted = False

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __iter__(self) -> "Iterator[Any]":
        return self

    def __next__(self) -> Any:
        return self.Wait()

    def Wait(self, timeout: Timeout = None) -> Any:
        """Takes the oldest value, at once if there is one. StopIteration when closed and empty."""
        me: Any = getcurrent()
        try:
            me.armed  # noqa: B018  # current_task(), written out
        except AttributeError:
            current_task()
        values = self._values
        if not values and not self._closed:
            deadline = deadline_after(timeout)
            try:
                while not values and not self._closed:
                    if wait(me, self._waiters, deadline, self._satisfied) and not (values or self._closed):
                        raise Timedout("Timed out waiting for event")
            except Timedout:
                raise
            except BaseException:
                self._pass_on()
                raise
        if not values:
            raise StopIteration
        value = values[0]  # popleft() is a call, after which a signal handler may raise
        del values[0]
        return value

    def _satisfied(self) -> bool:
        return bool(self._values) or self._closed

    def _pass_on(self) -> None:
        if self._values and self._waiters:
            wake_first(self._waiters)

    def _takes(self) -> bool:
        return bool(self._values)

    _holds = _satisfied

    def _take(self) -> Any:
        if not self._values:
            return StopIteration()
        value = self._values[0]  # as in Wait
        del self._values[0]
        return value

    def _give_back(self, value: Any) -> None:
        self._values.appendleft(value)
        self._pass_on()

    def _line(self) -> "deque[Any]":
        return self._waiters

    def Signal(self, value: Any) -> bool:
        """Appends the value; False if the queue is full."""
        check_thread()
        if self._closed:
            raise Misuse("Cannot signal a closed queue")
        if self._max_length is not None and len(self._values) >= self._max_length:
            return False
        if self._waiters:
            wake_first(self._waiters)  # first: cut short, it has told nobody, or somebody who finds nothing
            self._values.append(value)
        elif self._aborted:
            self._aborted = False
        else:
            self._values.append(value)
        return True

    def close(self) -> None:
        """No more will come: what is queued can still be taken, then waits end with StopIteration."""
        check_thread()
        self._closed = True
        wake_all(self._waiters)

    def Reset(self) -> None:
        """Drops the values nobody took, and what AbortWait left to be swallowed."""
        check_thread()
        self._values.clear()
        self._aborted = False

    def AbortWait(self) -> None:
        """Takes the oldest value now, or else swallows the next one nobody waits for."""
        check_thread()
        if self._values:
            self._values.popleft()
        else:
            self._aborted = True


class RLock(Bound, metaclass=WeaklyReferenced):
    """A lock of a task, not of a thread. A task that holds it may acquire it again."""

    __slots__ = ("__weakref__", "_depth", "_owner", "_waiters")

    def __init__(self) -> None:
        self._owner: Any = None
        self._depth = 0
        self._waiters: deque[Task] = deque()

    def acquire(self, timeout: Timeout = None) -> None:
        """Takes the lock, or takes it once more; as many releases give it back."""
        me = current_task()
        # The owner is what the task runs: the greenlet goes on to run other functions.
        job = me.job
        if self._owner is not job:
            deadline = deadline_after(timeout)
            try:
                while self._owner is not None:
                    if wait(me, self._waiters, deadline) and self._owner is not None:
                        raise Timedout("Timed out waiting for event")
            except Timedout:
                raise
            except BaseException:
                self._pass_on()
                raise
            self._owner = job
        self._depth += 1

    def release(self) -> None:
        """Gives the lock to who has waited longest. Misuse: the calling task does not hold it."""
        if self._owner is not current_task().job:
            raise Misuse("Only the task that holds an RLock can release it")
        self._depth -= 1
        if not self._depth:
            try:
                self._owner = None
            finally:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._owner is None and self._waiters:
            wake_first(self._waiters)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def WaitForAll(event_list: "Iterable[Any]", timeout: Timeout = None) -> "list[Any]":
    """Waits for each in turn, all before one deadline; returns what they gave.

    If one raises, those behind it are aborted. A timeout and Ctrl-C take nothing: it may be called again.
    """
    events = list(event_list)
    timeout = AbsTimeout(timeout)
    results: list[Any] = []
    try:
        for event in events:
            results.append(event.Wait(timeout))
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, Timedout):
            for later in events[len(results) + 1 :]:
                later.AbortWait()
        else:
            while results:
                value = results.pop()
                event = events[len(results)]
                if isinstance(event, Source):
                    event._give_back(value)
        raise
    return results


class Timer(Bound, metaclass=WeaklyReferenced):
    """Calls `callback` once after `timeout`, or with retrigger again and again, each in a task of the timer's own.

    The time runs from the construction, and with retrigger from each return of the callback. A retriggering timer
    whose timeout is a moment fires once. With reuse (or retrigger) `reset` starts it again.

    Without a callback it is there to be waited for (`wait`), and can always be reset. With retrigger it then expires at
    every multiple of its timeout; expiries that nobody waited for are counted.
    """

    def __init__(
        self,
        timeout: Timeout,
        callback: Callable[[], Any] = _NOTHING,
        retrigger: bool = False,
        reuse: bool = False,
        stack_size: int = 0,
    ) -> None:
        self._callback = None if callback is _NOTHING else callback
        if callback is not _NOTHING and not callable(callback):
            raise Misuse(f"Timer needs a callback to call, not {shown(callback)}")
        for name, option in (("retrigger", retrigger), ("reuse", reuse)):
            if hasattr(option, "__len__"):  # meant for the callback
                raise TypeError(
                    f"{name} is {shown(option)}, not True or False: the callback is called without arguments, "
                    "functools.partial gives it some"
                )
        self._reuse = reuse or retrigger or self._callback is None
        self._retrigger = retrigger
        self._cancelled = False
        self._changed = Event()
        self._resets = 0
        self._waiters: deque[Any] = deque()
        self._set(timeout, retrigger)
        if self._callback is not None:
            Spawn(self._run, stack_size=stack_size)

    def _set(self, timeout: Timeout, retrigger: bool) -> None:
        moment = AbsTimeout(timeout)  # first: it refuses what is no timeout
        deadline = deadline_after(moment)
        period = 0
        steps = self._callback is None and retrigger and deadline is not None
        if steps and timeout is not None and not isinstance(timeout, tuple):
            period = int(timeout * 1e9)
            if period <= 0:
                raise ValueError(f"timeout is {shown(timeout)}: a timer that retriggers needs one above 0")
        self._retrigger = retrigger
        self._moment = moment
        self._timeout = timeout
        self._deadline = deadline  # of the first expiry; None: there is none
        self._period = period
        self._told = 0  # expiries that a wait has reported
        self._resets += 1

    def cancel(self) -> None:
        """The timer will not fire any more, even if it is due already."""
        check_thread()
        self._cancelled = True
        self._deadline = None
        self._resets += 1
        self._announce()

    def reset(self, timeout: Timeout, retrigger: Optional[bool] = None) -> None:
        """Starts again with another timeout; None suspends the timer."""
        check_thread()
        if not self._reuse or self._cancelled:
            raise Misuse("Cannot reuse this timer")
        self._set(timeout, self._retrigger if retrigger is None else retrigger)
        self._announce()

    def _announce(self) -> None:
        if self._callback is not None:
            self._changed.Signal()
        for place in list(self._waiters):
            if place.armed == PLACED:
                place.choice.rearm()

    def _waited(self) -> "Timer":
        if self._callback is not None:
            raise Misuse("A timer with a callback calls it; make one without to wait for")
        return self

    def _expiries(self) -> int:
        """How many there were."""
        late = -1 if self._deadline is None else _scheduler.core.now() - self._deadline
        if late < 0:
            return 0
        return late // self._period + 1 if self._period else 1

    def _due(self, told: int) -> int:
        """When it expires for who was told of so many."""
        if self._deadline is None or (told and not self._period):
            return FOREVER
        return self._deadline + told * self._period

    def _run(self) -> None:
        callback: Any = self._callback
        while not self._cancelled:
            try:
                self._changed.Wait(self._moment)
                continue
            except Timedout:
                pass
            if self._cancelled:
                break
            if self._changed:
                continue  # reset came after the deadline, before our turn
            resets = self._resets
            try:
                callback()
            except BaseException as error:
                report_action(f"Timer callback {name_of(callback)}", error)
            if not self._reuse:
                break
            if self._resets == resets:  # not reset by the callback
                again = self._retrigger and not isinstance(self._timeout, tuple)
                self._moment = AbsTimeout(self._timeout) if again else None


_QuitEvent = Event(auto_reset=False)


def Quit() -> None:
    """Ends every WaitForQuit, now and for the rest of the process."""
    _QuitEvent.Signal()
