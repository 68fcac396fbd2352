# SPDX-License-Identifier: Apache-2.0
"""Calls that block, on threads of a pool, while other tasks run.

Python's functions get threads of Python's. Those of ctypes are jobs of the library, whose threads need no interpreter.
"""

import threading
import weakref
from collections import deque
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar, overload

from . import _library, _scheduler
from ._events import Event
from ._library import Call, LibraryError
from ._scheduler import (
    Bound,
    Misuse,
    Source,
    Task,
    Timedout,
    Timeout,
    check_thread,
    current_task,
    deadline_after,
    forget,
    name_of,
    rouse,
    shown,
    wait,
    wake_all,
    wake_first,
)
from ._wait import Asked
from ._wait import wait as wait_for

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")
T = TypeVar("T")

# What became of a call.
_QUEUED, _CALLED, _RETURNED, _RAISED = range(4)
_GONE_TEXT = "The outcome of this job is gone: AbortWait was called"


# What the library bounds.
_THREADS = 4096
_BOUND = 1 << 20
_BOUND_OF_WAIT = 65535


class Pool(Bound):
    """Threads for calls that block: at most `threads`, made when they are needed, and `bound` calls not begun.

    What is stuck in one pool delays nothing in another. Who starts a call while the pool is full waits for room.
    """

    def __init__(self, threads: int = 16, bound: int = 1024) -> None:
        for name, number in (("threads", threads), ("bound", bound)):
            if not isinstance(number, int):
                raise TypeError(f"{name} is {shown(number)}, not a number")
            if number < 1:
                raise ValueError(f"{name} is {number}: a pool has at least one")
        self._threads = threads
        self._bound = bound
        self._made = 0
        self._closed = False
        self._end = Event(auto_reset=False)
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._idle: list[None] = []  # an entry for each thread that waits for a job
        self._waiters: deque[Any] = deque()  # tasks that wait for room
        self._handle = 0  # the library's threads, for functions of ctypes

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", 0):
            forget(self._handle)
        if getattr(self, "_made", 0) and not self._closed:
            self._end_threads()

    def close(self) -> None:
        """No call is accepted any more. Those that were are carried out, and then the threads end."""
        check_thread()
        if not self._closed:
            self._closed = True
            self._end.Signal()
            wake_all(self._waiters)
            self._end_threads()
            self._end_calls()

    def _end_threads(self) -> None:
        for _ in range(self._made):
            self._jobs.put(None)

    def _end_calls(self) -> None:
        """With the last one the library's threads end too."""
        if self._closed and self._handle and not any(foreign.pool is self for foreign in _running):
            _scheduler.core.close(self._handle)
            self._handle = 0

    def _begin(self, job: "Job[Any]", call: Call) -> "_Foreign":
        """In a task: gives a call to the library, when there is room."""
        current_task()
        _look_after()
        started = _Foreign(job, self, call)  # first: a signal handler that raises must not take the memory away
        while not self._closed:
            if not self._handle:
                self._handle = _scheduler.core.create_pool(min(self._threads, _THREADS), min(self._bound, _BOUND))
            if started.start(self._handle):
                return started
            others = [foreign for foreign in _running if foreign.pool is self and not foreign._over()]
            wait_for([self._end, *others[:_BOUND_OF_WAIT]])
        raise Misuse(f"The pool is closed: it does not call {name_of(job._function)}")

    def _accept(self, job: "Job[Any]") -> None:
        """In a task: queues the job, when there is room."""
        me = current_task()
        try:
            while not self._closed and self._jobs.qsize() >= self._bound:
                wait(me, self._waiters, None, self._has_room)
        except BaseException:
            self._start()
            raise
        if self._closed:
            raise Misuse(f"The pool is closed: it does not call {name_of(job._function)}")
        if self._idle:
            self._idle.pop()
        elif self._made < self._threads:
            self._make_thread()
        self._jobs.put(job)

    def _make_thread(self) -> None:
        thread = threading.Thread(
            target=_work, args=(self._jobs, self._idle), name="cothread pool", daemon=True
        )  # a daemon: a call that is stuck does not keep the program from ending
        self._made += 1  # before the start, which may wait: see threading_hook
        try:
            thread.start()
        except RuntimeError:
            self._made -= 1
            if not self._made:
                raise

    def _has_room(self) -> bool:
        return self._closed or self._jobs.qsize() < self._bound

    def _start(self) -> None:
        """In the hub: a job has begun."""
        if self._waiters and self._has_room():
            wake_first(self._waiters)


def _work(jobs: "SimpleQueue[Any]", idle: "list[None]") -> None:
    while True:
        job = jobs.get()
        if job is None:
            return
        pool = job._pool
        if pool._waiters:
            rouse(pool)
        del pool  # a thread keeps nothing alive while it has nothing to do
        job._call()
        del job
        idle.append(None)


# The calls that the library has not reported yet: they hold the memory that they use.
_running: "set[_Foreign]" = set()
_unattended: "deque[_Foreign]" = deque()  # those that nobody waits for: their jobs are gone


class _Foreign(Source, Asked):
    """A call of a function of ctypes, made by the library on a thread of its own. Who waits for it is told by the
    library, or by the task that was told before."""

    def __init__(self, job: "Job[Any]", pool: Pool, call: Call) -> None:
        self._job = weakref.ref(job)
        self.pool = pool
        self._call = call
        self._handle = 0
        self._waiters: deque[Any] = deque()

    def start(self, pool: int) -> bool:
        """False: the pool is full."""
        _running.add(self)
        try:
            self._handle = _scheduler.core.start_job(pool, self._call)
        except LibraryError:
            _running.discard(self)
            raise
        if not self._handle:
            _running.discard(self)
        return not self._over()

    def _item(self) -> "tuple[int, int, int]":
        return _library.ITEM_JOB, 0, self._handle

    def _value(self, _result: int, _word: int) -> Any:
        """It has ended."""
        job = self._job()
        if not self._over():
            _scheduler.core.end_job(self._handle, self._call)
            if job is not None and not job._dropped:
                try:
                    job._end(_RETURNED, self._call.result())
                except BaseException as error:
                    job._fail(error)
            self._finish()
            if job is not None:
                job._start()
        return None if job is None else job._take()

    def give_up(self) -> None:
        """Whoever started it: it need not be called, and its result is not wanted."""
        if not self._over():
            if _scheduler.core.give_up_job(self._handle):
                self._finish()
            else:
                _unattended.append(self)

    def _finish(self) -> None:
        self._handle = 0
        _running.discard(self)
        self.pool._end_calls()
        wake_all(self._waiters)

    def _over(self) -> bool:
        return not self._handle

    _holds = _over

    def _take(self) -> None:
        return None

    def _line(self) -> Any:
        return self._waiters

    def _asked(self) -> "Optional[_Foreign]":
        return None if self._over() else self


def _look_after() -> None:
    """Forgets those that have ended since and that nobody waits for."""
    if _unattended:
        calls = [foreign for foreign in set(_unattended) if not foreign._over()]
        _unattended.clear()
        items = _library.Items()
        for foreign in calls:
            items.add(*foreign._item())
        if calls and _scheduler.core.look(items, _scheduler.requests):
            for place, foreign in enumerate(calls):
                fired = items.fired(place)
                if fired is not None:
                    foreign._value(*fired)
        _unattended.extend(foreign for foreign in calls if not foreign._over())


_default = Pool()


class Job(Source, Generic[T]):
    """A call of function(*args, **kwargs) on a thread of a pool, in a copy of the caller's context.

    It is to be waited for: `Wait`, or `wait` beside other things. The outcome stays until the job is forgotten. Once a
    call has begun nothing stops it; what a job returns or raises that nobody waits for is dropped.
    """

    __slots__ = (
        "__weakref__",
        "_args",
        "_context",
        "_dropped",  # written by tasks only
        "_foreign",  # if the library makes the call
        "_function",
        "_kwargs",
        "_outcome",
        "_pool",
        "_state",  # written by the thread only
        "_waiters",
    )

    @overload
    def __init__(self, function: Callable[..., T], *args: Any, pool: Pool, **kwargs: Any) -> None: ...
    @overload
    def __init__(self, function: "Callable[P, T]", *args: "P.args", **kwargs: "P.kwargs") -> None: ...

    def __init__(self, function: Callable[..., T], *args: Any, pool: Any = None, **kwargs: Any) -> None:
        if not callable(function):
            raise TypeError(f"Job needs a function to call, not {shown(function)}")
        if pool is None:
            pool = _default
        elif not isinstance(pool, Pool):
            raise TypeError(f"pool is {shown(pool)}, not a Pool")
        self._function: Any = function
        self._args: Any = args
        self._kwargs: Any = kwargs
        self._context: Any = copy_context()
        self._pool = pool
        self._state = _QUEUED
        self._dropped = False
        self._outcome: Any = None
        self._waiters: deque[Any] = deque()
        self._foreign: Optional[_Foreign] = None
        call = None if kwargs else _library.foreign(function, args)
        if call is None:
            pool._accept(self)
        else:
            self._state = _CALLED
            self._foreign = pool._begin(self, call)

    def __del__(self) -> None:
        foreign: Optional[_Foreign] = getattr(self, "_foreign", None)
        if foreign is not None and not foreign._over():
            _unattended.append(foreign)

    def __bool__(self) -> bool:
        """True once the call has ended and its outcome is there to be had."""
        return not self._dropped and self._state in (_RETURNED, _RAISED)

    def __repr__(self) -> str:
        state = ("queued", "running", "finished", "finished")[self._state]
        return f"<Job {name_of(self._function)} {state}>"

    def Wait(self, timeout: Timeout = None) -> T:
        """Waits for the call's end and returns its result or raises its exception, as often as it is asked."""
        me = current_task()
        self._check(me)
        if self._foreign is not None and not self._holds():
            if not wait_for([self], timeout):
                raise Timedout("Timed out waiting for a job")
        elif not self._holds():
            deadline = deadline_after(timeout)
            while not self._holds():
                if wait(me, self._waiters, deadline, self._holds) and not self._holds():
                    raise Timedout("Timed out waiting for a job")
        self._check(me)
        if self._state == _RETURNED:
            return self._outcome  # type: ignore[no-any-return]
        error, traceback = self._outcome
        try:
            raise error.with_traceback(traceback)  # without what earlier waits added
        finally:
            del error, traceback  # they hold this frame

    def AbortWait(self) -> None:
        """Nobody will wait: a call that has not begun is not made, the outcome of one that has is dropped."""
        check_thread()
        self._dropped = True
        if self._foreign is not None:
            self._foreign.give_up()
        wake_all(self._waiters)

    def _call(self) -> None:
        """In a thread of the pool."""
        function, args, kwargs, context = self._function, self._args, self._kwargs, self._context
        self._args = self._kwargs = self._context = None
        if self._dropped:
            return
        self._state = _CALLED
        try:
            self._end(_RETURNED, context.run(function, *args, **kwargs))
        except BaseException as error:
            self._fail(error)
        rouse(self)

    def _end(self, state: int, outcome: Any) -> None:
        self._outcome = outcome
        self._state = state

    def _fail(self, error: BaseException) -> None:
        traceback = error.__traceback__
        if traceback is not None:
            traceback = traceback.tb_next  # the first frame holds the job, which would hold it
        error.__traceback__ = None
        self._end(_RAISED, (error, traceback))

    def _start(self) -> None:
        """In the hub: the call has ended."""
        wake_all(self._waiters)

    def _check(self, me: Task) -> None:
        if self._dropped:
            raise Misuse(_GONE_TEXT)

    def _holds(self) -> bool:
        return self._dropped or self._state >= _RETURNED

    def _take(self) -> Any:
        if self._dropped:
            return Misuse(_GONE_TEXT)
        if self._state == _RETURNED:
            return self._outcome
        error, traceback = self._outcome
        return error.with_traceback(traceback)

    def _line(self) -> Any:
        return self._waiters

    def _asked(self) -> "Optional[_Foreign]":
        return None if self._foreign is None else self._foreign._asked()


@overload
def offload(function: Callable[..., T], *args: Any, pool: Pool, **kwargs: Any) -> T: ...
@overload
def offload(function: "Callable[P, T]", *args: "P.args", **kwargs: "P.kwargs") -> T: ...


def offload(function: Callable[..., T], *args: Any, pool: Any = None, **kwargs: Any) -> T:
    """Calls function(*args, **kwargs) on a thread while other tasks run; returns its result or raises its exception.

    An exception thrown into the wait ends it at once: a call that has not begun is not made then, the outcome of one
    that has is dropped. For a timeout, `Job(function, *args).Wait(timeout)`.
    """
    job = Job(function, *args, pool=pool, **kwargs)
    try:
        return job.Wait()
    finally:
        job.AbortWait()
