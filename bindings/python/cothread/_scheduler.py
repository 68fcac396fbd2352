# SPDX-License-Identifier: Apache-2.0
"""Who runs next, and what brings back a task that waits.

A task is a greenlet. One more greenlet, the hub, was started when the package was imported and belongs to nobody.
A task that waits switches straight to the next entry of `ready`; `turns` iterates over it and stands behind the entries
that had their turn. The hub is one of the entries: it marks the end of a round. What becomes ready during a round
stands behind that mark, so each task runs once a round. Between two rounds the hub adds, in this order, callback
runners, descriptors, expired deadlines and those that yielded.

Deadlines and descriptors are the library's. A wait that has one appends a request to `requests`; the hub hands them
over with its next poll and gets the batch of waits that ended. A task that Python wakes first leaves its request
withdrawn. So a running task is in no queue and has nothing armed, which is why nobody is ever woken twice.

Python runs signal handlers after calls, and a handler may raise. What must not be lost then is moved without a call:
`for entry in turns: break` takes the next turn, where next(turns) or popleft() could lose it with the exception. It is
also the fastest way found: 0.05 us of a yield less than `entry = ready[0]; del ready[0]` on a deque.

Everything here belongs to one thread, but for `wakeups` and `asleep`, which other threads use under the
interpreter lock to bring the hub back (see `rouse`).
"""

if "core" in globals():
    raise ImportError("cothread._scheduler cannot be reloaded: tasks run in it")

import atexit
import os
import sys
import traceback
from _thread import get_ident
from collections import deque
from contextvars import Context, copy_context
from functools import partial
from itertools import filterfalse
from types import CoroutineType
from typing import Any, Callable, ClassVar, Optional, Protocol, Union, cast

from greenlet import GreenletExit, getcurrent, greenlet

from . import _library
from ._library import ETIMEDOUT, FINISH, FOREVER, NOW, WAIT_DEADLINE, WITHDRAW, Items, Requests


class Core(Protocol):
    """What the scheduler asks of the library. Tests put a fake with its own clock in its place."""

    capacity: int
    stamp: Any  # two words to write: the running task's handle, switches so far

    def now(self) -> int: ...
    def wall(self) -> float: ...
    def create(self, token: int) -> int: ...
    def poll(self, requests: Requests, deadline: int) -> "list[int]": ...
    def batch(self) -> "list[int]": ...
    def look(self, items: Items, requests: Requests) -> int: ...
    def start_process(
        self,
        arguments: "list[bytes]",
        environment: "Optional[list[bytes]]",
        directory: Optional[bytes],
        descriptors: "dict[int, int]",
        limits: "dict[int, tuple[int, int]]",
        flags: int,
    ) -> int: ...
    def pid(self, process: int) -> int: ...
    def signal_process(self, process: int, number: int, flags: int) -> None: ...
    def open_thread(self, tid: int) -> int: ...
    def open_signal(self, number: int) -> int: ...
    def take_signal(self, signal: int) -> "tuple[int, int]": ...
    def open_watch(self, path: bytes, changes: int) -> int: ...
    def create_pool(self, threads: int, bound: int) -> int: ...
    def start_job(self, pool: int, call: _library.Call) -> int: ...
    def end_job(self, handle: int, call: _library.Call) -> None: ...
    def give_up_job(self, handle: int) -> bool: ...
    def close(self, handle: int) -> None: ...
    def arrived(self, batch: "list[int]") -> bytes: ...
    def interrupt(self) -> Any: ...
    def error(self, code: int) -> Exception: ...


Timeout = Union[None, float, tuple[Optional[float]]]  # never; seconds; a moment of time.time(), or never


class Misuse(AssertionError):
    """A call its documentation forbids. An AssertionError because the original's checks were; ours survive -O."""


_WRONG_THREAD = "Cannot call into cothread from another thread.  Consider using Callback or CallbackResult."
_IN_HUB = "A signal handler or finalizer that runs while every task waits cannot wait itself. Spawn a task that does."


class Task(greenlet):
    """A greenlet that runs one spawned function after another."""

    __slots__ = ("armed", "events", "expired", "handle", "job", "queue", "token")

    armed: int  # 0: no deadline or descriptor; OVERDUE; or where its request stands, counted in words since import
    events: int  # what the descriptor of the last wait was ready for
    expired: bool  # how the last wait with a deadline ended
    handle: int  # the library's name for its waits; 0 until the first one
    token: int  # its index in by_token
    job: Any  # the Spawn it runs; the greenlet itself if it runs none (main)
    queue: Any  # a list or deque: where it stands besides its deadline


class Watch:
    """A wait of the library's that no task stands for directly: one descriptor of several, the signal pipe."""

    __slots__ = ("armed", "handle", "token")

    queue: ClassVar[Any]  # tells it from a task whose deadline has passed

    def __init__(self) -> None:
        self.armed = self.handle = self.token = 0  # attached by the first use

    def completed(self, what: int) -> None:
        """In the hub: `what` is the second word of the batch's entry, see outcome."""
        raise NotImplementedError


Watch.queue = Watch


Waiter = Union[Task, Watch]


class Place:
    """Where a wait for several things stands in the queue of one of them.

    It is left in O(1): it stays, and is dropped by the next who meets it, or when every second one of its queue is
    such. But the last of a queue is never one that was left: a queue is true if somebody waits.
    """

    __slots__ = ("armed", "choice", "queue", "source")

    def __init__(self, choice: Any, source: Any, queue: Any) -> None:
        self.armed = 0  # not in the queue yet
        self.choice = choice
        self.source = source
        self.queue = queue


class Stand:
    """In place of a task in a long queue, so that it can leave in O(1). To _expire it is the queue, as a Choice is."""

    __slots__ = ("armed", "queue", "task")

    def __init__(self, task: "Task", queue: Any) -> None:
        self.armed = PLACED
        self.queue = queue
        self.task: Any = task

    @property
    def choice(self) -> "Optional[Stand]":
        return self

    @choice.setter
    def choice(self, _nobody: None) -> None:
        self.task = None

    def chosen(self, _place: Any) -> "Task":
        """It is the first of its queue, and woken."""
        task: Task = self.task
        self.armed = LEFT
        task.queue = None
        if task.armed:
            disarm(task)
        return task

    def __contains__(self, _task: Any) -> bool:
        return self.armed == PLACED

    def remove(self, _task: Any) -> None:
        leave(self)

    def __len__(self) -> int:
        return 0


# What `armed` may be besides a position. A task: armed with a deadline that had passed already, which ends with the
# round; the library never sees it.
OVERDUE = -1
# A place: it counts, or it was left and is to be skipped.
PLACED = -2
LEFT = -3

# Whoever leaves a shorter queue is looked for in it.
CROWD = 64

_TIMED_OUT = ETIMEDOUT & 0xFFFFFFFF  # a batch entry's second word for it

# Parked tasks kept for reuse. Starting one costs 7 us on 3.11, reusing one 0.4; each keeps about 6 KB.
_PARKED = 2048

# Rounds may follow each other without a look at the library until this much time went by. A look costs about two
# switches; 1 ms tasks stay on time beside a thousand that yield (bench, row busy).
_LOOK_NS = 100_000
# The clock, and what other threads and signals left, is looked at each so many turns,
_TURNS_PER_LOOK_AROUND = 8
# and after so many the hub comes in, if only to shorten `ready`.
_TURNS = 1024

# Set below, once the functions they need exist.
core: Core = cast(Core, None)
hub: Task = cast(Task, None)

scheduler_thread_id = get_ident()

ready: "list[Any]" = []
turns: Any = iter(ready)
yielders: "list[Task]" = []
idlers: "deque[Task]" = deque()
overdue: "list[tuple[int, Task]]" = []
expired: "list[Task]" = []
requests = Requests()
by_token: "list[Any]" = [None]
free_tokens: "list[int]" = []

unstarted: "deque[tuple[Spawn, Optional[Context]]]" = deque()
parked: "list[Task]" = []

wakeups: "deque[Any]" = deque()  # callback queues that got their first item; appended to by any thread
asleep = False  # the hub is in a poll that blocks: whoever appends to wakeups interrupts it
errors: "deque[BaseException]" = deque()  # to be raised in main
interrupted: Any = None  # the greenlet that ran when Ctrl-C came, if main has not been told yet


# ---- Tasks and their waits


def new_task(run: Callable[[], Any]) -> Task:
    task = Task(run)
    task.armed = task.handle = 0
    task.queue = None
    return task


def _adopt(current: Any) -> None:
    """Makes a task of a greenlet we did not start: main, or one the program made itself in this thread."""
    if get_ident() != scheduler_thread_id:
        raise Misuse(_WRONG_THREAD)
    if current is hub:
        raise Misuse(_IN_HUB)
    current.armed = current.handle = 0
    current.queue = None
    current.job = current


def current_task() -> Task:
    """The running task. Off the scheduler's thread: Misuse."""
    me: Any = getcurrent()  # no cast(): it is a call, 0.03 us
    try:
        me.armed  # noqa: B018  # greenlets of other threads have none; cheaper than asking for the thread
    except AttributeError:
        _adopt(me)
    return me  # type: ignore[no-any-return]


def check_thread() -> None:
    if get_ident() != scheduler_thread_id:
        raise Misuse(_WRONG_THREAD)


def attach(waiter: Waiter) -> int:
    """Gives a waiter its handle."""
    if free_tokens:
        token = free_tokens.pop()
        by_token[token] = waiter
    else:
        token = len(by_token)
        by_token.append(waiter)
    waiter.token = token
    waiter.handle = core.create(token)
    return waiter.handle


def detach(waiter: Waiter) -> None:
    """Gives the handle back."""
    if waiter.handle:
        requests.add(waiter.handle, FINISH, 0, 0)
        by_token[waiter.token] = None
        free_tokens.append(waiter.token)
        waiter.handle = 0


def disarm(waiter: Waiter) -> None:
    """Withdraws a waiter's request; one not handed over yet becomes its own withdrawal."""
    position = waiter.armed
    waiter.armed = 0
    index = position - requests.base
    if index >= 0:
        if index < len(requests):
            requests[index + 1] = WITHDRAW
    elif position > 0:
        requests.add(waiter.handle, WITHDRAW, 0, 0)


def wait(me: Task, queue: Any, deadline: Optional[int], satisfied: Optional[Callable[[], bool]] = None) -> bool:
    """Suspends `me`, the running task, until `wake` finds it in `queue` or the deadline passes: True then.

    `satisfied` is asked once more when everything is in place: a signal handler may have brought what is waited for
    since the caller looked.
    """
    mark: Any = me  # of ours in the queue
    place = queue
    try:
        if queue and len(queue) >= CROWD:
            mark = place = Stand(me, queue)
        if deadline is not None:
            me.queue = place
            me.expired = False
            if deadline <= core.now():
                me.armed = OVERDUE
                overdue.append((deadline, me))
            else:
                handle = me.handle or attach(me)
                me.armed = requests.add(handle, WAIT_DEADLINE, deadline, 0)
        if queue is not None:
            queue.append(mark)
            if satisfied is not None and satisfied() and queue and queue[-1] is mark:
                remove(place, me)
                me.queue = None
                if me.armed:
                    disarm(me)
                return False
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        entry.switch()
        return deadline is not None and me.expired
    except BaseException:
        withdraw(me, place)
        raise


def wait_descriptor(me: Task, fd: int, events: int, deadline: Optional[int]) -> int:
    """Suspends until `fd` has one of `events`; returns what it has, 0 after the deadline."""
    try:
        me.queue = None
        me.events = 0
        handle = me.handle or attach(me)
        operation = _library.wait_descriptor(fd)
        limit = FOREVER if deadline is None else deadline
        me.armed = requests.add(handle, operation, limit, events)
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        entry.switch()
        return me.events
    except BaseException:
        withdraw(me, None)
        raise


def withdraw(me: Task, queue: Any) -> None:
    """Something was thrown into a wait: the task leaves every place it stands in."""
    if me.armed:
        disarm(me)
    me.queue = None
    for place in (queue, expired):
        if place is not None:
            while me in place:
                remove(place, me)
    try:
        while True:
            del ready[ready.index(me, _done())]
    except ValueError:
        mark_the_end()


def _done() -> int:
    """How many entries of `ready` had their turn."""
    done: int = turns.__reduce__()[2]  # one call: a handler may append to `ready` between two
    return done


def mark_the_end() -> None:
    """After an exception: if a task had taken the hub's turn when it came, gives it back."""
    if hub not in ready[_done() :]:
        ready.append(hub)


def wake_first(queue: Any) -> None:
    """Makes the first task of a queue ready."""
    task = queue[0]
    if task.armed:
        if task.armed > 0:
            disarm(task)
        else:
            task = disarm_first(queue)
    del queue[0]
    ready.append(task)


def disarm_first(queue: Any) -> Task:
    """The first task of a queue, with nothing armed any more. What stands for it is at the queue's head."""
    first = queue[0]
    while first.armed == LEFT:
        del queue[0]
        _dropped(queue)
        first = queue[0]
    if first.armed == PLACED:
        first = first.choice.chosen(first)
    elif first.armed:
        disarm(first)
    return first  # type: ignore[no-any-return]


_left: "dict[int, int]" = {}  # by the id of a queue: about how many places in it were left; nothing for none


def leave(place: Union[Place, Stand]) -> None:
    """The place counts no more."""
    queue = place.queue
    place.armed = LEFT
    place.choice = None  # what stays keeps nothing alive
    name = id(queue)
    _left[name] = _left.get(name, 0) + 1
    trim(queue)
    length = len(queue)
    if _left.get(name, 0) * 2 <= length:
        return
    _left.pop(name, None)
    if isinstance(queue, list):  # a task's, which wakes them all at its end, and nobody before
        queue[:length] = [place for place in queue[:length] if place.armed != LEFT]
        return
    # Each step is one operation on the queue: a signal handler in between finds everybody in it.
    for _ in range(length):
        if not queue:
            break
        if queue[0].armed == LEFT:
            del queue[0]
        else:
            queue.rotate(-1)


def trim(queue: Any) -> None:
    """The last one has gone: so do the places before it that were left."""
    while queue and queue[-1].armed == LEFT:
        del queue[-1]
        _dropped(queue)


def _dropped(queue: Any) -> None:
    """A place that was left is out of the queue."""
    left = _left.get(id(queue), 0) - 1
    if left > 0:
        _left[id(queue)] = left
    else:
        _left.pop(id(queue), None)


def remove(queue: Any, task: Task) -> None:
    """Somebody takes a task out of the queue it waits in."""
    queue.remove(task)
    if queue and queue[-1].armed == LEFT:
        trim(queue)


def wake_all(queue: Any) -> None:
    if len(queue) >= CROWD and isinstance(queue, list):
        # From the end, or each would move all that stand behind it.
        queue.reverse()
        while queue:
            if queue[-1].armed != LEFT:
                task = disarm_first(queue[-1:])
                del queue[-1]
                ready.append(task)
            trim(queue)
    while queue:
        wake_first(queue)


class _Throw:
    """An entry of `ready` that raises in a task instead of resuming it."""

    __slots__ = ("error", "handle", "job", "task")

    def __init__(self, task: Task, error: BaseException) -> None:
        self.task = task
        self.handle = task.handle
        self.job = task.job
        self.error = error

    def switch(self) -> Any:
        # What comes back is for the hub, if it was the hub that met this entry: an order, see _rounds.
        if self.task.job is self.job:
            return self.task.throw(self.error)
        for entry in turns:  # it ended meanwhile
            break
        return entry.switch()


class _Start:
    """An entry of `ready` that stands for the oldest unstarted function."""

    __slots__ = ("switch",)

    handle = 0
    switch: Any  # the hub's, with _START. Not a method, which would begin with a look for signals.


def tell_main(interrupt: KeyboardInterrupt) -> None:
    """Raises the interrupt in main at its next turn; several before it are one."""
    if not any(isinstance(error, KeyboardInterrupt) for error in errors):
        errors.append(interrupt)


def throw(task: Task, error: BaseException) -> None:
    """Raises `error` in the wait that `task` is in at its next turn."""
    ready.append(_Throw(task, error))


# ---- Spawned tasks


def report(text: str, error: BaseException) -> None:
    """An error nobody waits for goes to stderr; a stderr that fails takes nothing with it."""
    if sys.stderr is None:
        return
    try:
        print(text, file=sys.stderr)
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    except (KeyboardInterrupt, GreenletExit):
        raise
    except BaseException:
        pass


def report_action(what: str, error: BaseException) -> None:
    """An action that a task of ours called raised: the task goes on, unless it is to end."""
    if isinstance(error, GreenletExit):
        raise error
    if isinstance(error, KeyboardInterrupt):
        tell_main(error)
    else:
        report(f"{what} raised uncaught exception", error)


class Timedout(TimeoutError):
    """Waiting took longer than its timeout."""


class Bound:
    """What belongs to the tasks of this process: it can be neither pickled nor copied."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError(f"cannot pickle or copy {shown(self)}: it belongs to the tasks of this process")


class Source(Bound):
    """Something that `wait` can wait for, and that Python knows about."""

    __slots__ = ()

    def _check(self, me: Task) -> None:
        """Raises if `me` may not wait for it."""

    def _takes(self) -> bool:
        """Whether _take takes something away from others: of these a wait takes from one only."""
        return False

    def _holds(self) -> bool:
        """Whether _take has something to return."""
        raise NotImplementedError

    def _take(self) -> Any:
        """What a wait for this thing alone returns, or the exception it raises."""
        raise NotImplementedError

    def _line(self) -> Any:
        """The queue whose first entry is woken when it may hold, which is seen to from now on."""
        raise NotImplementedError

    def _comes_late(self) -> bool:
        """Whether only the library's next batch may tell that it holds already."""
        return False

    def _give_back(self, value: Any) -> None:
        """`value` was taken and is not wanted: as if it had not been, unless a later one stands in its place."""

    def _pass_on(self) -> None:
        """A task that was woken for it leaves without what it holds: somebody else gets the chance."""

    def _asked(self) -> Any:
        """What the library is to be asked for beside, if anything (_wait.Asked)."""


class WeaklyReferenced(type):
    """Lets subclasses name "__weakref__" among their slots, as those of the original's classes have to. Ours have it,
    and Python would refuse a second one."""

    def __new__(cls, name: str, bases: "tuple[type, ...]", namespace: "dict[str, Any]", **options: Any) -> Any:
        slots = namespace.get("__slots__", ())
        if any(getattr(base, "__weakrefoffset__", 0) for base in bases):
            slots = [slots] if isinstance(slots, str) else list(slots)
            if "__weakref__" in slots:
                slots.remove("__weakref__")
                namespace["__slots__"] = slots
        return super().__new__(cls, name, bases, namespace, **options)


# What became of a task.
_RUNNING, _RETURNED, _RAISED, _ABORTED, _GONE = range(5)
_GONE_TEXT = "The outcome of this task is gone: its exception was raised already, or AbortWait was called"


class Spawn(Source, metaclass=WeaklyReferenced):
    """A task that runs function(*args, **kargs). It starts in the next round, in spawn order.

    raise_on_wait: Wait raises what the function raised, instead of stderr. stack_size has no meaning here.
    """

    __slots__ = (
        "__weakref__",
        "_args",  # None once it has begun
        "_function",
        "_kargs",
        "_outcome",  # the result or the exception; not set while it runs
        "_owed",  # waiters not told yet; not set before the first
        "_raise_on_wait",
        "_state",
        "_task",  # while it runs
        "_waiters",
    )

    _outcome: Any
    _owed: int

    Cothreads: ClassVar["set[Spawn]"] = set()

    def __init__(
        self, function: Callable[..., Any], *args: Any, raise_on_wait: bool = False, stack_size: int = 0, **kargs: Any
    ) -> None:
        me: Any = getcurrent()
        try:
            me.armed  # noqa: B018  # current_task(), written out
        except AttributeError:
            if me is not hub:
                _adopt(me)
        global ready, unstarted
        if not callable(function):
            raise TypeError(f"Spawn needs a function to call, not {shown(function)}")
        self._function = function
        self._args: Optional[tuple[Any, ...]] = args
        self._kargs: Optional[dict[str, Any]] = kargs
        self._raise_on_wait = raise_on_wait
        self._state = _RUNNING
        self._waiters: Any = None
        self._task: Optional[Task] = None
        # None is as good as an empty one, takes no room, and is not worth a copy.
        context: Optional[Context] = me.gr_context
        if context is not None:
            context = copy_context() if context else None
        if parked:
            task = parked[-1]
            task.job = self
            if context is not None:
                task.gr_context = context
            del parked[-1]
            ready += (task,)
        else:
            unstarted += ((self, context),)  # no calls here: each of these has its mark in `ready`
            ready += (_start_one,)
        _cothreads.add(self)

    def __bool__(self) -> bool:
        """True once the task has ended and its outcome is there to be had."""
        return self._state in (_RETURNED, _RAISED)

    def __repr__(self) -> str:
        return f"<Spawn {name_of(self._function)} {'running' if self._state in (_RUNNING, _ABORTED) else 'finished'}>"

    def Wait(self, timeout: Timeout = None) -> Any:
        """Waits for the task's end and returns its result, at once if it has ended.

        With raise_on_wait an exception is raised by every Wait in progress, or else by the first one after.
        """
        me: Any = getcurrent()
        try:
            me.armed  # noqa: B018  # current_task(), written out
        except AttributeError:
            current_task()
        if self._state == _RUNNING:
            if me.job is self:
                raise Misuse("A task cannot wait for itself")
            deadline = None if timeout is None else deadline_after(timeout)
            if self._waiters is None:
                self._waiters = []
                self._owed = 0
            self._owed += 1
            try:
                while self._state == _RUNNING:
                    if wait(me, self._waiters, deadline) and self._state == _RUNNING:
                        raise Timedout("Timed out waiting for event")
            finally:
                self._owed -= 1
        if self._state == _RETURNED:
            return self._outcome
        if self._state == _RAISED:
            error = self._outcome
            if not (self._waiters is not None and self._owed):
                # The traceback holds the frames of the task: let go once nobody is left to be told.
                self._outcome = None
                self._state = _GONE
            try:
                raise error
            finally:
                del error  # the traceback holds this frame: no cycle for the collector
        raise Misuse(_GONE_TEXT)

    def _check(self, me: Task) -> None:
        if me.job is self:
            raise Misuse("A task cannot wait for itself")
        if self._state in (_ABORTED, _GONE):
            raise Misuse(_GONE_TEXT)

    def _holds(self) -> bool:
        return self._state not in (_RUNNING, _ABORTED)

    def _take(self) -> Any:
        return Misuse(_GONE_TEXT) if self._state == _GONE else self._outcome

    def _line(self) -> Any:
        # A list, if a task that waits for nothing else came first: it takes a tenth of the room.
        if self._waiters is None:
            self._waiters = deque()
            self._owed = 0
        return self._waiters

    def AbortWait(self) -> None:
        """Nobody will wait: the outcome is dropped, now or when the task ends. The task itself goes on."""
        check_thread()
        if self._state == _RUNNING:
            self._state = _ABORTED
        elif self._state != _ABORTED:
            self._state = _GONE
            self._outcome = None


_cothreads = Spawn.Cothreads


def shown(thing: Any) -> str:
    """Its repr, for a sentence about an error, also if that fails."""
    try:
        return repr(thing)
    except Exception:
        return f"a {type(thing).__name__} whose repr fails"


def name_of(function: Any) -> str:
    try:
        return str(getattr(function, "__name__", None) or shown(function))
    except Exception:
        return shown(function)


def _failed(job: Spawn, error: BaseException) -> int:
    """What a function raised is kept for its waiters, or reported; returns the task's state."""
    job._outcome = None
    if job._raise_on_wait:
        job._outcome = error
        return _RAISED
    if isinstance(error, KeyboardInterrupt):
        tell_main(error)  # it was meant for the program, which is main's to end
    elif not isinstance(error, GreenletExit):
        report(f"Spawned task {name_of(job._function)} raised uncaught exception", error)
    return _RETURNED


# What the hub may get besides nothing, which ends the round.
_NEXT = object()  # a greenlet ended: take the next turn
_START = object()  # start a function


def _work() -> Any:
    """The life of a task's greenlet."""
    me: Any = getcurrent()
    while True:
        try:
            return _run_jobs(me)
        except GreenletExit:  # freed while parked, when the interpreter ends
            return None
        except BaseException as error:  # a signal handler's, between two functions; _run_jobs goes on where it was
            errors.append(error)
            mark_the_end()


def _run_coroutine(coroutine: Any) -> Any:
    """What an async function returns, run in its task: it may wait as any function does, and await others."""
    error: Optional[Misuse] = None
    while True:
        try:
            awaited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as end:
            return end.value
        error = Misuse(
            f"A task cannot await {shown(awaited)}, which needs the loop that it was made for: "
            "call what waits without await, as cothread.Sleep(1)"
        )


def _run_jobs(me: Task) -> Any:
    """Runs a function, and the next if it is its turn; else parks, or ends if enough are parked."""
    global parked
    while True:
        job: Any = me.job
        args = job._args
        if args is not None:
            job._task = me
            job._args = None
            function, kargs = job._function, job._kargs
            job._kargs = None
            try:
                # Plain calls where possible: CPython 3.11 and later run them without using C stack, of which each
                # sleeping task has a copy: 2.0 KB with a starred call, 1.6 KB without.
                if kargs:
                    outcome = function(*args, **kargs)
                elif not args:
                    kargs = None
                    outcome = function()
                elif len(args) == 1:
                    argument = args[0]
                    args = kargs = None
                    outcome = function(argument)
                else:
                    outcome = function(*args)
                if outcome is not None and outcome.__class__ is CoroutineType:
                    outcome = _run_coroutine(outcome)
                job._outcome = outcome
                state = _RETURNED
            except BaseException as error:
                state = _failed(job, error)
            # A parked task must keep nothing alive.
            function = args = argument = kargs = outcome = None
            if job._state == _ABORTED:
                job._outcome = None
                state = _GONE
            job._state = state
        elif job._state in (_RUNNING, _ABORTED):
            # A signal handler raised while _failed was at work.
            job._outcome = None
            job._state = _RETURNED
        _cothreads.discard(job)
        if job._waiters:
            wake_all(job._waiters)
        job._task = None
        job = None
        if len(parked) >= _PARKED and not unstarted:
            detach(me)
            return _NEXT
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        if entry is _start_one and unstarted:
            # The next function runs here and now: no switch at all.
            me.job, me.gr_context = unstarted[0]
            del unstarted[0]
            continue
        if me.gr_context is not None:
            me.gr_context = None
        me.job = None
        parked += (me,)
        entry.switch()


def _start() -> Any:
    """In the hub: gives the oldest unstarted function a task. A greenlet is started nowhere else, because it would
    inherit its starter's recursion depth and stack, and a thousand of them end in RecursionError."""
    job, context = unstarted[0]
    task = parked.pop() if parked else new_task(_work)  # whose parent is the hub
    task.job = job
    task.gr_context = context
    del unstarted[0]
    try:
        return task.switch()
    except BaseException:
        if job._args is not None:  # a handler raised before the new greenlet's first line: another one will run it
            unstarted.appendleft((job, context))
        raise


# ---- The hub


def rouse(queue: Any) -> None:
    """From any thread: the hub calls queue._start() before its next round. Costs a foreign call only if it sleeps."""
    wakeups.append(queue)
    if asleep:
        wake_hub()


class _Forgotten:
    """A handle whose object is gone, in whichever thread that was noticed."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def _start(self) -> None:
        core.close(self._handle)


def forget(handle: int) -> None:
    """From any thread: the handle is closed before the next round."""
    rouse(_Forgotten(handle))


def wake_hub() -> None:
    global asleep
    asleep = False
    core.interrupt()


transfers: "dict[int, Any]" = {}  # by token, which is below 0: who is told what came of an adopted descriptor
looks = 0  # a batch is delivered again after an interruption: this tells one from the next
_batch: "list[int]" = []  # what _deliver has not dealt with
_polling = False  # a poll has begun whose batch is not in _batch


def _look(deadline: int) -> None:
    """Hands the requests over and takes the batch of waits that ended."""
    global _batch, _polling, asleep, looks
    looks += 1
    _polling = True
    _batch = core.poll(requests, deadline)
    _polling = False
    asleep = False
    while wakeups:
        wakeups[0]._start()
        del wakeups[0]
    if _batch:
        _deliver()


def _expire(task: Task) -> None:
    queue = task.queue
    if queue is not None:
        task.queue = None
        remove(queue, task)
    task.armed = 0
    task.expired = True
    expired.append(task)


def _deliver() -> None:
    """Makes ready whoever the batch names. May be interrupted and run again: it skips what it has done."""
    global _batch
    words = iter(_batch)
    arrived = None
    look = looks
    get = transfers.get
    for token, what, value, item in zip(words, words, words, words):
        if token < 0:
            transfer = get(token)
            if transfer is None:
                continue  # closed
            if not item:
                transfer.transferred(what, value)
                continue
            if transfer.seen != look:
                if arrived is None:
                    arrived = core.arrived(_batch)
                data = arrived[value:item]
                if transfer.buffer:
                    transfer.append(data)
                else:
                    transfer.buffer = data
                transfer.seen = look
            if transfer.watchers:
                wake_all(transfer.watchers)
            task = transfer.receiver
            if task is not None:
                transfer.receiver = None
                ready.append(task)
                continue
            waiters = transfer.waiters
            if not waiters:
                transfer.bound()
            elif transfer.need == 1 or len(transfer.buffer) >= transfer.need:
                task = waiters[0]  # wake_first(), written out
                if task.armed:
                    disarm(task)
                del waiters[0]
                ready.append(task)
            continue
        waiter = by_token[token]
        if waiter is None or not waiter.armed:
            continue  # Python was first
        if what == _TIMED_OUT:
            queue = waiter.queue  # _expire(), written out
            if queue is not None:
                if queue is Watch:
                    waiter.completed(what)
                    continue
                waiter.queue = None
                remove(queue, waiter)
            waiter.armed = 0
            waiter.expired = True
            expired.append(waiter)
        elif isinstance(waiter, Watch):
            waiter.completed(what)
        elif item:
            waiter.queue.told(item, what)
            _completed(waiter, 0)
        else:
            _completed(waiter, what)
    _batch = []


POLLIN = 1
POLLNVAL = 32


def outcome(what: int) -> Union[int, Exception]:
    """The second word of a batch entry: the events, 0 after the deadline, or why there will be none."""
    reason = what & 0xFFFFFFFF
    if not reason:
        return what >> 32
    if reason == _TIMED_OUT:
        return 0
    code = reason - (1 << 32)
    if code in (_library.EBADF, _library.ECLOSED):
        return POLLNVAL
    return core.error(code)


def _completed(task: Task, what: int) -> None:
    found = outcome(what)
    queue = task.queue
    task.queue = None
    task.armed = 0
    if queue is not None:
        remove(queue, task)
    if isinstance(found, int):
        task.events = found
        ready.append(task)
    else:
        throw(task, found)


def _sleep() -> None:
    """Nothing is ready: waits until something is."""
    global asleep
    if idlers:
        _look(NOW)
        if not (ready or expired):
            wake_all(idlers)
        return
    asleep = True
    # Looked at again after `asleep` is set: whoever comes later sees it and interrupts.
    if wakeups or errors:
        asleep = False
    else:
        _look(FOREVER)


def _deadline_of(entry: "tuple[int, Task]") -> int:
    return entry[0]


_looked = 0  # when the library was looked at last
_look_around_at = 0  # so long may `ready` grow before a look around
_switches = 0


def another_round() -> bool:
    """A task took the hub's turn at the end of the round. If there is nothing for the hub to do, the next round begins
    without it, which saves two switches: True, and the task takes the next turn."""
    global _look_around_at
    if ready[-1] is hub or yielders or overdue:
        return False
    length = len(ready)
    if length >= _look_around_at:
        if wakeups or errors or length >= _TURNS or core.now() - _looked >= _LOOK_NS:
            return False
        _look_around_at = length + _TURNS_PER_LOOK_AROUND
    ready.append(hub)
    return True


def _shorten() -> None:
    """Between two rounds: leaves in `ready` only those woken in the last one."""
    global turns, _switches
    again = iter(ready)
    done = _done()
    _switches += done
    # No call between these two, or a handler could raise in the middle.
    del ready[:done]
    turns = again


def _rounds() -> None:
    global interrupted, ready, _look_around_at, _looked
    # Not at once: after a failure of the library main is told of it first.
    _looked = core.now()
    while True:
        _shorten()
        while wakeups:
            wakeups[0]._start()
            del wakeups[0]
        if not (ready or overdue or yielders or expired or errors):
            _sleep()
            _looked = core.now()
        elif core.now() - _looked >= _LOOK_NS:
            _look(NOW)
            _looked = core.now()
        if overdue:
            overdue.sort(key=_deadline_of)
            for _, task in overdue:
                if task.armed == OVERDUE:
                    _expire(task)
            del overdue[:]
        if expired:
            ready += expired
            del expired[:]
        if yielders:
            ready += yielders
            del yielders[:]
        if errors:
            interrupted = None
            told = _Throw(main, errors[0])
            ready[:0] = (told,)
            del errors[0]
        ready.append(hub)
        _look_around_at = len(ready) + _TURNS_PER_LOOK_AROUND
        # Whose turn it is is stamped once a round: at each switch it would add a tenth to a yield (0.41 us to 0.46).
        stamp = core.stamp
        stamp[0] = ready[0].handle
        stamp[1] = _switches
        for entry in turns:
            break
        order = entry.switch()
        while order:
            if order is _START:
                order = _start()
            else:
                for entry in turns:
                    break
                order = entry.switch()


def _recover() -> None:
    """An exception ended _rounds in the middle: puts the pieces back so that no task is lost."""
    global _batch, _polling, asleep
    asleep = False
    _shorten()
    for mark in (hub, _start_one):
        while mark in ready:
            ready.remove(mark)
    ready.extend([_start_one] * len(unstarted))
    if _polling:
        _batch = core.batch()
        _polling = False
    _deliver()


def _go_on() -> None:
    while True:
        try:
            while on_first_wait:
                try:
                    on_first_wait[0]()
                except Exception as error:
                    errors.append(error)  # main is told; trying again would tell it for ever
                del on_first_wait[0]
            _recover()
            _rounds()
        except BaseException as error:
            # A signal handler of the program's raised while the hub ran, or the library failed.
            errors.append(error)


def _run() -> None:
    main.switch()  # back to the import; main's first wait brings us here again
    while True:
        try:
            _go_on()
        except BaseException as error:
            errors.append(error)  # raised by a handler between two turns of the loop in there


on_first_wait: "list[Callable[[], None]]" = []


# ---- Timeouts


class Moment(tuple):  # type: ignore[type-arg]
    """The 1-tuple form of a timeout, made from a relative one: moves with no clock that somebody sets."""

    deadline: int


def deadline_after(timeout: Any) -> Optional[int]:
    """A timeout in any of its three forms as ns of the monotonic clock."""
    if timeout is None:
        return None
    given = timeout
    if isinstance(timeout, tuple):
        if isinstance(timeout, Moment):
            return timeout.deadline
        if timeout == (None,):
            return None
        if len(timeout) != 1:
            raise TypeError(f"timeout is {shown(timeout)}: a tuple has one moment of time.time() in it, or None")
        given = timeout[0]
    try:
        deadline = core.now() + int((given - core.wall() if given is not timeout else given) * 1e9)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, OverflowError) and not hasattr(given, "total_seconds"):  # an infinity
            return None if given > 0 else NOW + 1
        raise _no_timeout(timeout, given, error) from None
    return deadline if deadline < FOREVER else None


def _no_timeout(timeout: Any, given: Any, error: Exception) -> Exception:
    text = f"timeout is {shown(timeout)}, not None, a number of seconds or a tuple with a moment"
    if hasattr(given, "total_seconds"):
        return TypeError(f"{text}: give its total_seconds()")
    if isinstance(error, TypeError) and hasattr(given, "__float__"):
        return TypeError(f"{text}: give float() of it")
    return type(error)(text)


def Sleep(timeout: Timeout) -> None:
    """Suspends for `timeout`. One that has passed still lets every other ready task run once."""
    if not timeout and timeout == 0:
        Yield()  # they keep their order among each other
    else:
        wait(current_task(), None, deadline_after(timeout))


def SleepUntil(deadline: Optional[float]) -> None:
    """Suspends until time.time() would be `deadline`."""
    wait(current_task(), None, None if deadline is None else deadline_after((deadline,)))


def Yield(timeout: Timeout = 0) -> None:
    """Lets every other ready task run once. With a timeout above 0: until nobody is ready, at most so long."""
    me: Any = getcurrent()
    try:
        me.armed  # noqa: B018  # current_task(), written out: this is the shortest of all waits
    except AttributeError:
        _adopt(me)
    if timeout == 0:
        try:
            yielders.append(me)
            for entry in turns:
                break
            entry.switch()
        except BaseException:
            withdraw(me, yielders)
            raise
    else:
        wait(me, idlers, deadline_after(timeout))


# ---- Life

# How long the tasks may take at exit to leave their finally blocks, which may wait.
_EXIT_GRACE_S = 2.0
# So many are told at a time, because each looks through those that are ready: 50 000 tasks took 19 us of CPU each, and
# 27 when 200 were told at a time.
_EXIT_BATCH = 64

_owner = os.getpid()


def _at_exit() -> None:
    """Every living task gets a GreenletExit, so that its finally blocks run; in the process that started it only."""
    if os.getpid() != _owner or get_ident() != scheduler_thread_id or getcurrent() is not main:
        return
    deadline = core.now() + int(_EXIT_GRACE_S * 1e9)
    jobs = list(_cothreads)
    _take_out({job._task for job in jobs})
    for number, job in enumerate(jobs, 1):
        if job._task is None:  # it has not begun: it has nothing to finish, and will not begin
            job._function = _never
            job._args, job._kargs = (), None
        else:
            throw(job._task, GreenletExit())
        if number % _EXIT_BATCH == 0:
            try:
                Yield()
            except BaseException:  # Ctrl-C: it takes too long
                break
            if core.now() > deadline:
                break
    for job in jobs:
        try:
            while job in _cothreads:
                if job._waiters is None:
                    job._waiters = []
                    job._owed = 0
                if wait(main, job._waiters, deadline):
                    break
        except BaseException:  # Ctrl-C: it takes too long
            break
    if requests or requests.writes:
        _look(NOW)  # what is to be written is
    left = sorted(name_of(job._function) for job in jobs if job in _cothreads)
    if left:
        print(f"cothread: {len(left)} tasks did not end at exit: {', '.join(left[:10])}", file=sys.stderr)
    # The library's scheduler lives on: who registered with atexit before us comes after us, and may wait too.


def _take_out(tasks: "set[Any]") -> None:
    """Tasks that are all to be told something: none of them stands where each would have to be looked for."""
    for entries, begin in ((ready, _done()), (yielders, 0), (expired, 0)):
        end = len(entries)  # a signal handler may append meanwhile
        entries[begin:end] = filterfalse(tasks.__contains__, entries[begin:end])


def _never() -> None:
    pass


def _in_child() -> None:
    """After a fork: the tasks are the parent's. Freeing their greenlets would run their finally blocks here."""
    for job in _cothreads:
        if job._task is not None:
            _library.keep_forever(job._task)


def use(replacement: Core) -> None:
    """Tests only: another core, and with it other handles. No task may be waiting."""
    global core
    for waiter in by_token:
        if waiter is not None:
            waiter.armed = 0
            detach(waiter)
    _look(NOW)
    core = replacement
    del by_token[1:]
    free_tokens.clear()


core = _library.Library()
main = cast(Task, getcurrent())
_adopt(main)
_start_one = _Start()
hub = new_task(_run)
_start_one.switch = partial(hub.switch, _START)
hub.switch()
del hub.armed  # it is no task that may wait: see _adopt
ready.append(hub)
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_in_child)
