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

Python runs signal handlers and finalizers in the middle of all this: between nearly any two instructions in 3.9, after
calls and jumps since. They may signal, wait, and raise. Four rules keep the books right:

- A task's `queue` is set before a wait changes anything, and None again when it is over. A wait that finds it set is
  inside another one (see `inside`), or behind one that an exception cut short while it cleared up: so it clears up
  first (see `settle`). Nobody else can have run in between.
- Who wakes a task puts it into `ready` first, then takes it out of its queue, and sets `armed` to 0 last. A task that
  has its turn with `armed` set was not woken, or not to the end: it waits on, unless its place is gone.
- A turn is taken without a call, by `for entry in turns: break`; who took one and cannot go there gives it back (see
  `_give_back`). It is also the fastest way found: 0.05 us of a yield less than `entry = ready[0]; del ready[0]` on a
  deque.
- What the hub does can be done again (see `_recover`).

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
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from itertools import count, filterfalse
from types import CoroutineType
from typing import Any, Callable, ClassVar, Optional, Protocol, Union, cast
from weakref import ref

from greenlet import GreenletExit, getcurrent, greenlet

from . import _library
from ._library import ETIMEDOUT, FINISH, FOREVER, NOW, WAIT_DEADLINE, WITHDRAW, Items, Requests


class Core(Protocol):
    """What the scheduler asks of the library. Tests put a fake with its own clock in its place."""

    capacity: int
    stamp: Any  # two words to write: the running task's handle, switches so far
    found: Any  # one word: how many entries `batch` has

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

    armed: int  # 0: it is awake; UNTIMED; OVERDUE; or where its request stands, counted in words since import
    events: int  # what the descriptor of the last wait was ready for
    expired: bool  # how the last wait with a deadline ended
    handle: int  # the library's name for its waits; 0 until the first one
    token: int  # its index in by_token
    job: Any  # the Spawn it runs; the greenlet itself if it runs none (main)
    queue: Any  # where it waits: a list or deque, NOWHERE if it stands in none; None: it is in no wait


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

    def wake(self, _place: Any) -> None:
        """It is the first of its queue, and woken."""
        task = self.task
        ready.append(task)
        self.armed = LEFT
        disarm(task)

    def __contains__(self, _task: Any) -> bool:
        return self.armed == PLACED

    def remove(self, _task: Any) -> None:
        if self.armed == PLACED:
            leave(self)

    def __len__(self) -> int:
        return 0


# What `armed` may be besides a position. A task: armed with a deadline that had passed already, which ends with the
# round; the library never sees it.
OVERDUE = -1
# A task: it waits without a deadline.
UNTIMED = -4
# A place: it counts, or it was left and is to be skipped.
PLACED = -2
LEFT = -3

# Whoever leaves a shorter queue is looked for in it.
CROWD = 64
NOWHERE: Any = ()

_TIMED_OUT = ETIMEDOUT & 0xFFFFFFFF  # a batch entry's second word for it

# Parked tasks kept for reuse. Starting one costs 7 us on 3.11, reusing one 0.4; each keeps about 6 KB.
_PARKED = 2048

# Rounds may follow each other without a look at the library until this much time went by. A look costs about two
# switches; 1 ms tasks stay on time beside a thousand that yield (bench, row busy).
_LOOK_NS = 100_000
# The clock, and what other threads and signals left, is looked at each so many turns,
_TURNS_PER_LOOK_AROUND = 8
# and after so many the hub comes in, if only to shorten `ready`,
_TURNS = 1024
# from so many on: that takes as long as two switches.
_LONG = 256

# Set below, once the functions they need exist.
core: Core = cast(Core, None)
hub: Task = cast(Task, None)

scheduler_thread_id = get_ident()

ready: "list[Any]" = []
turns: Any = iter(ready)
_to_come: Callable[[], int] = turns.__length_hint__  # how many entries of `ready` wait for their turn
yielders: "list[Task]" = []
idlers: "deque[Task]" = deque()
overdue: "list[tuple[int, Task]]" = []
expired: "list[Task]" = []
requests = Requests()
by_token: "list[Any]" = [None]
free_tokens: "list[int]" = []
_tokens = count(1)

unstarted: "deque[tuple[Spawn, Optional[Context]]]" = deque()
parked: "list[Task]" = []

wakeups: "deque[Any]" = deque()  # callback queues that got their first item; appended to by any thread
asleep = False  # the hub is in a poll that blocks: whoever appends to wakeups interrupts it
errors: "deque[BaseException]" = deque()  # to be raised in main
interrupted: Any = None  # the greenlet that ran when Ctrl-C came, if main has not been told yet


# ---- Tasks and their waits


def new_task(run: Callable[[], Any]) -> Task:
    """A task that was not started yet: it counts as one that waits."""
    task = Task(run, hub)
    task.armed = task.handle = 0
    task.queue = NOWHERE
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
    # One step each: a signal handler in between may attach others.
    token = free_tokens.pop() if free_tokens else next(_tokens)
    while len(by_token) <= token:
        by_token.append(None)
    by_token[token] = waiter
    waiter.token = token
    waiter.handle = core.create(token)
    return waiter.handle


def detach(waiter: Waiter) -> None:
    """Gives the handle back."""
    handle, waiter.handle = waiter.handle, 0
    if handle:
        requests.add(handle, FINISH, 0, 0)
        by_token[waiter.token] = None
        free_tokens.append(waiter.token)


def disarm(waiter: Waiter) -> None:
    """Withdraws a waiter's request; one not handed over yet becomes its own withdrawal."""
    position = waiter.armed
    if position > 0:
        index = position - requests.base
        if 0 <= index < len(requests) and requests[index] == waiter.handle:
            requests[index + 1] = WITHDRAW
        else:
            requests.add(waiter.handle, WITHDRAW, 0, 0)  # of two requests of a task the later one counts
    waiter.armed = 0


def wait(me: Task, queue: Any, deadline: Optional[int], satisfied: Optional[Callable[[], bool]] = None) -> bool:
    """Suspends `me`, the running task, until it is woken from `queue` or the deadline passes: True then.

    `satisfied` is asked once more when everything is in place: a signal handler may have brought what is waited for
    since the caller looked.
    """
    if me.queue is not None and not settle(me):
        return bool(inside(me, wait, queue, deadline, satisfied))
    try:
        mark: Any = me  # of ours in the queue
        place = NOWHERE if queue is None else queue
        me.queue = place
        if queue and len(queue) >= CROWD:
            mark = place = Stand(me, queue)
            me.queue = place
        if deadline is not None:
            me.expired = False
            if deadline <= core.now():
                me.armed = OVERDUE
                overdue.append((deadline, me))
            else:
                handle = me.handle or attach(me)
                me.armed = requests.end
                requests.add(handle, WAIT_DEADLINE, deadline, 0)
        else:
            me.armed = UNTIMED
        if queue is not None:
            queue.append(mark)
            if deadline is not None and not me.armed and queue and queue[-1] is mark:
                remove(place, me)  # its deadline passed while a signal handler waited in here
            elif satisfied is not None and satisfied() and queue and queue[-1] is mark:
                remove(place, me)
                disarm(me)
                me.queue = None
                return False
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        entry.switch()
        if me.armed:
            go_on(me)
        me.queue = None
        return deadline is not None and me.expired
    except BaseException:
        withdraw(me)
        raise


def was_woken(me: Task) -> bool:
    """A task has its turn with `armed` set: it was woken after all if its place is gone."""
    queue = me.queue
    if queue is NOWHERE or me in queue:
        return False
    disarm(me)
    return True


def go_on(me: Task) -> None:
    """A task has its turn with `armed` set: waits on until it is woken."""
    while me.armed and not was_woken(me):
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        entry.switch()


def wait_descriptor(me: Task, fd: int, events: int, deadline: Optional[int]) -> int:
    """Suspends until `fd` has one of `events`; returns what it has, 0 after the deadline."""
    if me.queue is not None and not settle(me):
        return int(inside(me, wait_descriptor, fd, events, deadline))
    try:
        me.armed = UNTIMED
        me.queue = NOWHERE
        me.events = 0
        handle = me.handle or attach(me)
        operation = _library.wait_descriptor(fd)
        limit = FOREVER if deadline is None else deadline
        me.armed = requests.end
        requests.add(handle, operation, limit, events)
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        entry.switch()
        if me.armed:
            go_on(me)
        me.queue = None
        return me.events
    except BaseException:
        withdraw(me)
        raise


def withdraw(me: Task) -> None:
    """An exception came out of a wait: the task leaves every place it stands in. If another one cuts this short, the
    task's next wait does it again."""
    if me.queue is not None:
        _leave(me)
        _give_back(me)
        me.queue = None


def _leave_queue(task: Task) -> None:
    queue = task.queue
    if queue is not None and queue is not NOWHERE:
        with suppress(ValueError):  # it was woken, or somebody who took it out was cut short
            remove(queue, task)


def _leave(task: Task) -> None:
    _leave_queue(task)
    if task.armed:
        disarm(task)
        return
    while task in expired:  # it was woken, or yields
        expired.remove(task)
    try:
        while True:
            del ready[ready.index(task, _done())]
    except ValueError:
        pass


def _done() -> int:
    """How many entries of `ready` had their turn."""
    done: int = turns.__reduce__()[2]  # one call: a handler may append to `ready` between two
    return done


def _give_back(me: Any) -> None:
    """If the last turn was taken and nobody went there, it comes next again. `me`, who runs, has not had it."""
    done = _done()
    if not done:
        return
    last = ready[done - 1]
    if last is me:
        return
    if last is hub:
        held = True
    elif last is _start_one:
        held = ready[done:].count(last) < len(unstarted)
    elif type(last) is _Throw:
        held = last.task is not None
    else:  # a task that is in the middle of no wait has had it
        held = last.queue is not None and not last.dead
    if held:
        turns.__setstate__(done - 1)


# The code of each function that sets the task's `queue`, and of those that call the program's functions.
wait_code: "set[Any]" = {wait.__code__, wait_descriptor.__code__}
call_code: "set[Any]" = set()


def settle(me: Task) -> bool:
    """A wait begins while the task's `queue` is set. True: an exception cut the last wait short, and now it is cleared
    up. False: that wait goes on, and this one is in a signal handler or finalizer that runs in the middle of it."""
    if me.queue is parked:
        return False
    frame = sys._getframe(1).f_back
    while frame is not None and frame.f_code not in call_code:
        if frame.f_code in wait_code:
            return False
        frame = frame.f_back
    clear_up(me)
    return True


def clear_up(me: Task) -> None:
    """An exception cut the last wait short while it cleared up."""
    queue = me.queue
    woken = not me.armed and queue is not NOWHERE and queue is not yielders
    withdraw(me)
    if woken and queue:
        wake_first(queue)  # for what it was woken for; who needs it not waits on


def inside(me: Task, call: Callable[..., Any], *arguments: Any) -> Any:
    """Waits inside a wait: another greenlet does it, so that the state of the first one stays as it is. The turns that
    come for that one meanwhile are kept for it."""
    outcome: list[Any] = []
    helper = new_task(partial(_help, me, outcome, call, arguments))
    helper.job = me.job
    kept: list[Task] = []
    was_parked = me in parked  # its function has ended: nobody is to give it another one meanwhile
    try:
        if was_parked:
            parked.remove(me)
        _give_back(me)
        ready.append(helper)
        while not outcome:
            for entry in turns:
                break
            if entry is hub and another_round():
                for entry in turns:
                    break
            entry.switch()
            if not outcome:
                kept.append(me)
    except BaseException:
        if not outcome:
            outcome.append(None)
            _leave(helper)
            if helper:  # it has begun
                helper.queue = None
                throw(helper, GreenletExit())
        _give_back(me)
        raise
    finally:
        ready.extend(kept)
        if was_parked:
            parked.append(me)
    error, result = outcome
    if error is not None:
        try:
            raise error
        finally:
            del error, outcome
    return result


def _help(task: Task, outcome: "list[Any]", call: Callable[..., Any], arguments: "tuple[Any, ...]") -> Any:
    """The life of a greenlet that waits in another's place."""
    me = cast(Task, getcurrent())
    me.queue = None
    try:
        ended: tuple[Any, Any] = None, call(me, *arguments)
    except BaseException as error:
        ended = error, None
    detach(me)
    if not outcome:  # else nobody waits any more
        outcome += ended
        ready.append(task)
    return _NEXT


def wake_first(queue: Any) -> None:
    """Makes the first task of a queue ready."""
    while queue:
        task = queue[0]
        armed = task.armed
        if armed is UNTIMED or armed > PLACED:
            ready.append(task)
            if queue and queue[0] is task:  # else a signal handler woke it just now: this is for the next one
                del queue[0]
                if armed > 0:
                    disarm(task)
                else:
                    task.armed = 0
                return
        elif armed == PLACED:
            task.choice.wake(task)
            if queue and queue[0] is task:
                del queue[0]
            return
        else:
            del queue[0]
            _dropped(queue)


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
            last = queue[-1]
            if last.armed == PLACED:
                last.choice.wake(last)
                if queue and queue[-1] is last:
                    del queue[-1]
            elif last.armed != LEFT:
                ready.append(last)
                if queue and queue[-1] is last:
                    del queue[-1]
                disarm(last)
            trim(queue)
    while queue:
        wake_first(queue)


class _Throw:
    """An entry of `ready` that raises in a task instead of resuming it."""

    __slots__ = ("error", "handle", "job", "task")

    error: Any
    task: Optional[Task]  # None: it had its turn

    def __init__(self, task: Task, error: BaseException) -> None:
        self.task = task
        self.handle = task.handle
        self.job = task.job
        self.error = error

    def switch(self) -> Any:
        # What comes back is for the hub, if it was the hub that met this entry: an order, see _rounds.
        task, self.task = self.task, None
        if task is not None and task.job is self.job:
            error, self.error = self.error, None
            return task.throw(error)
        for entry in turns:  # it ended meanwhile
            break
        return entry.switch()


class _Start:
    """An entry of `ready` that stands for the oldest unstarted function."""

    __slots__ = ("switch",)

    handle = 0
    switch: Any  # the hub's, with _START. Not a method, which would begin with a look for signals.


def tell_main(interrupt: BaseException) -> None:
    """Raises a KeyboardInterrupt or SystemExit in main at its next turn; several of a kind before it are one."""
    if not any(type(error) is type(interrupt) for error in list(errors)):  # a copy: this is run by handlers, too
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
    except (KeyboardInterrupt, SystemExit, GreenletExit):
        raise
    except BaseException:
        pass


def report_action(what: str, error: BaseException) -> None:
    """An action that a task of ours called raised: the task goes on, unless it is to end."""
    if isinstance(error, GreenletExit):
        raise error
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
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
        try:
            if parked:
                task = parked[-1]
                if context is not None:
                    task.gr_context = context
                task.job = self
                ready += (task,)
                del parked[-1]
            else:
                unstarted += ((self, context),)  # no calls here: each of these has its mark in `ready`
                ready += (_start_one,)
            _cothreads.add(self)
        except BaseException:
            _finish_spawn(self)
            raise

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
                self._owed = 0
                self._waiters = []
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
            self._owed = 0
            self._waiters = deque()
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


class Server:
    """Has a task of its own, which runs its `_serve`."""

    __slots__ = ()

    def _start(self) -> None:
        """In the hub: makes that task if there is none."""
        raise NotImplementedError

    def _lost(self, task: Optional[Task]) -> None:
        """The task has ended by an exception."""
        raise NotImplementedError


def _failed(job: Spawn, error: BaseException) -> int:
    """What a function raised is kept for its waiters, or reported; returns the task's state."""
    job._outcome = None
    server = getattr(job._function, "__self__", None)
    if isinstance(server, Server) and not isinstance(error, GreenletExit):
        errors.append(error)  # a signal handler's, before it could catch it
        server._lost(job._task)
        return _RETURNED
    if isinstance(error, SystemExit):
        tell_main(error)  # it was meant for the program, which is main's to end
    if job._raise_on_wait:
        job._outcome = error
        if job._state == _RUNNING:
            job._state = _RAISED  # here: a signal handler that raises cannot drop it any more
        return _RAISED
    if isinstance(error, KeyboardInterrupt):
        tell_main(error)
    elif not isinstance(error, (SystemExit, GreenletExit)):
        report(f"Spawned task {name_of(job._function)} raised uncaught exception", error)
    return _RETURNED


# What the hub may get besides nothing, which ends the round.
_NEXT = object()  # a greenlet ended: take the next turn
_START = object()  # start a function


def _finish_spawn(job: Spawn) -> None:
    """A signal handler raised while it was made: it runs if that had begun."""
    if parked and parked[-1].job is job:
        task = parked[-1]
        if task not in ready[_done() :]:
            ready.append(task)
        parked.remove(task)
    elif unstarted and unstarted[-1][0] is job:
        if ready[_done() :].count(_start_one) < len(unstarted):
            ready.append(_start_one)
    elif not any(entry.job is job for entry in ready[_done() :] if isinstance(entry, Task) and entry is not hub):
        return
    _cothreads.add(job)


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
    if me.queue is not None:  # as it begins, or after an exception
        _resume(me)
    while True:
        job: Any = me.job
        if job is not None:
            args = job._args
            if args is not None:
                try:  # from the first: what a signal handler raises is told to somebody
                    job._task = me
                    job._args = None
                    function, kargs = job._function, job._kargs
                    job._kargs = None
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
                # A signal handler raised between the end of the function and here.
                if not hasattr(job, "_outcome") or job._state == _ABORTED:
                    job._outcome = None
                job._state = _GONE if job._state == _ABORTED else _RETURNED
            if job._waiters:
                wake_all(job._waiters)
            _cothreads.discard(job)  # not before: of a task that two exceptions end here the waiters are told later
            job._task = None
            job = None
            if me.queue is not None:
                clear_up(me)
        me.queue = parked
        if len(parked) >= _PARKED and not unstarted:
            detach(me)
            me.queue = None
            return _NEXT
        for entry in turns:
            break
        if entry is hub and another_round():
            for entry in turns:
                break
        if entry is _start_one and unstarted:
            # The next function runs here and now: no switch at all.
            me.queue = None
            me.job, me.gr_context = unstarted[0]
            del unstarted[0]
            continue
        if me.gr_context is not None:
            me.gr_context = None
        me.job = None
        parked += (me,)
        entry.switch()
        if me.job is None:  # it was woken by mistake
            parked.remove(me)
        else:
            me.queue = None


call_code.add(_run_jobs.__code__)


def _resume(me: Task) -> None:
    """Of what an exception cut short it is certain what `unstarted` and `parked` hold."""
    if me.queue is parked:
        _give_back(me)
        if me in parked:
            parked.remove(me)
        if me.job is not None and me.job._args is None:
            me.job = None
    if unstarted and unstarted[0][0] is me.job:
        me.gr_context = unstarted[0][1]
        del unstarted[0]
    me.queue = None


def _start() -> Any:
    """In the hub: gives the oldest unstarted function a task. A greenlet is started nowhere else, because it would
    inherit its starter's recursion depth and stack, and a thousand of them end in RecursionError."""
    if not unstarted:
        return _NEXT
    job, context = unstarted[0]
    try:
        task = parked.pop() if parked else new_task(_work)
        task.job = job
        task.gr_context = context
        del unstarted[0]
        return task.switch()
    except BaseException:
        # A handler raised before the new greenlet's first line: another one will run it.
        if job._args is not None and not (unstarted and unstarted[0][0] is job):
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
        handle, self._handle = self._handle, 0
        if handle:
            core.close(handle)


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
    core.found[0] = 0  # so that an interrupted poll finds no batch of an earlier one
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
    _leave_queue(task)  # first: nobody is to wake it any more
    task.expired = True
    expired.append(task)
    task.armed = 0


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
                ready.append(task)
                task.armed = 0
                transfer.receiver = None
                continue
            waiters = transfer.waiters
            if not waiters:
                transfer.bound()
            elif transfer.need == 1 or len(transfer.buffer) >= transfer.need:
                wake_first(waiters)
            continue
        waiter = by_token[token]
        if waiter is None or waiter.armed <= 0:
            continue  # Python was first
        if what == _TIMED_OUT:
            queue = waiter.queue
            if queue is NOWHERE:
                waiter.expired = True  # _expire(), written out
                expired.append(waiter)
                waiter.armed = 0
            elif queue is Watch:
                waiter.completed(what)
            else:
                _expire(waiter)
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
    _leave_queue(task)
    if isinstance(found, int):
        task.events = found
        ready.append(task)
    else:
        throw(task, found)
    task.armed = 0


def nothing() -> bool:
    return True


# Called before a poll that blocks. True: it is to be called before the next one too, and after_sleep behind this one.
# Else it is spared for a while, of which a poll that begins meanwhile does not see the end.
before_sleep: Callable[[], bool] = nothing
after_sleep: Callable[[], object] = nothing
_SPARED_NS = 1_000_000
_spared_until = 0


def _sleep() -> None:
    """Nothing is ready: waits until something is."""
    global asleep, _spared_until
    if _to_come():
        _shorten()
        while ready and ready[0] is hub:  # a mark too many: a task that was cut short had taken one
            del ready[0]
        if ready:
            return
    if idlers:
        _look(NOW)
        if not (_to_come() or expired):
            wake_all(idlers)
        return
    asleep = True
    until = FOREVER
    again = False
    if _looked < _spared_until:  # before_sleep takes 0.6 us, of 4.7 that an idle Sleep takes
        until = _spared_until
    else:
        again = before_sleep()
        _to_come()  # any call: in it Python runs the handlers of signals that came before the descriptor was set
        if not again:
            _spared_until = _looked + _SPARED_NS
    # Looked at again after `asleep` is set: whoever comes later sees it and interrupts. And a signal handler may have
    # brought anything; those that come later end the poll.
    if wakeups or errors or _to_come() or yielders or idlers or overdue or expired:
        asleep = False
    else:
        _look(until)
    if again:
        after_sleep()


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


_call: Any = partial.__call__


def _shorten() -> None:
    """Between two turns of the hub: drops the entries of `ready` that had theirs."""
    global _switches
    done = _done()
    # One call of C, so that no signal handler runs in the middle.
    any(map(_call, (partial(turns.__setstate__, 0), partial(ready.__delitem__, slice(0, done)))))
    _switches += done


def _rounds() -> None:
    global interrupted, ready, _look_around_at, _looked
    # Not at once: after a failure of the library main is told of it first.
    _looked = core.now()
    while True:
        if len(ready) >= _LONG:
            _shorten()
        while wakeups:
            wakeups[0]._start()
            del wakeups[0]
        if (not ready or ready[-1] is hub) and not (overdue or yielders or expired or errors):
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
            next_one = _done()
            ready[next_one:next_one] = (_Throw(main, errors[0]),)
            del errors[0]
        ready.append(hub)
        length = len(ready)
        _look_around_at = length + _TURNS_PER_LOOK_AROUND
        for entry in turns:
            break
        # Whose turn it is is stamped once a round: at each switch it would add a tenth to a yield (0.41 us to 0.46).
        stamp = core.stamp
        stamp[0] = entry.handle
        stamp[1] = _switches + length
        order = entry.switch()
        while order:
            if order is _START:
                order = _start()
            else:
                for entry in turns:
                    break
                order = entry.switch()


def _recover() -> None:
    """An exception ended _rounds in the middle: puts the pieces back so that no task is lost, and none runs twice. It
    may be interrupted, and begin again."""
    global _batch, _polling, asleep
    asleep = False
    after_sleep()
    _give_back(hub)
    _shorten()
    if _polling:
        _batch = core.batch()
        _polling = False
    _deliver()
    there: set[int] = set()
    for place in (ready, expired, yielders):
        entries = place[:]
        place[: len(entries)] = [entry for entry in entries if _is_first(entry, there)]
    # Two exceptions close together may have ended the greenlet of a task: another one begins its job, or ends it.
    waiting = {id(job) for job, _ in unstarted}
    waiting.update(id(entry.job) for entry in ready if isinstance(entry, Task))
    for job in list(_cothreads):
        if id(job) not in waiting and (job._task is None or job._task.dead):
            job._task = None
            unstarted.append((job, None))
    ready.extend([_start_one] * len(unstarted))


def _is_first(entry: Any, there: "set[int]") -> bool:
    """Whether _recover keeps an entry: one for each task, and no marks, which are made anew."""
    if entry is hub or entry is _start_one or id(entry) in there or (type(entry) is Task and entry.dead):
        return False
    there.add(id(entry))
    if errors and type(entry) is _Throw and entry.error is errors[0]:
        del errors[0]
    return True


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


def _persist(depth: int) -> None:
    """The hub must not end. An exception may come between two turns of a loop, out of its `try`: that takes one for
    each level."""
    while True:
        try:
            if depth:
                _persist(depth - 1)
            else:
                _go_on()
        except BaseException as error:
            errors.append(error)


def _run() -> None:
    main.switch()  # back to the import; main's first wait brings us here again
    _persist(8)


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
        waits = me.queue is not None  # current_task(), written out: this is the shortest of all waits
    except AttributeError:
        _adopt(me)
        waits = False
    if timeout == 0:
        if waits and not settle(me):
            inside(me, _yield)
            return
        try:
            me.queue = yielders
            yielders.append(me)
            for entry in turns:
                break
            entry.switch()
            me.queue = None
        except BaseException:
            withdraw(me)
            raise
    else:
        wait(me, idlers, deadline_after(timeout))


def _yield(_me: Task) -> None:
    Yield()


wait_code.add(Yield.__code__)


# ---- Life

# How long the tasks may take at exit to leave their finally blocks, which may wait.
_EXIT_GRACE_S = 2.0
# So long the others are waited for before it is looked whether any of them still has its exit to deal with.
_EXIT_LOOK_NS = 50_000_000
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
    exits: dict[Spawn, Any] = {}
    for number, job in enumerate(jobs, 1):
        if job._task is None:  # it has not begun: it has nothing to finish, and will not begin
            job._function = _never
            job._args, job._kargs = (), None
        else:
            leave = GreenletExit()
            exits[job] = ref(leave)
            throw(job._task, leave)
            del leave
        if number % _EXIT_BATCH == 0:
            try:
                Yield()
            except BaseException:  # Ctrl-C: it takes too long
                break
            if core.now() > deadline:
                break
    # Who has an `except:` around a wait may have dropped its exception, and goes on for ever.
    try:
        for job in jobs:
            while job in _cothreads:
                if job._waiters is None:
                    job._owed = 0
                    job._waiters = []
                if wait(main, job._waiters, min(deadline, core.now() + _EXIT_LOOK_NS)) and (
                    core.now() >= deadline or not any(leave() for job, leave in exits.items() if job in _cothreads)
                ):
                    raise Timedout
    except BaseException:  # that, or Ctrl-C: it takes too long
        pass
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
    global core, _spared_until, _tokens
    for waiter in by_token:
        if waiter is not None:
            waiter.armed = 0
            detach(waiter)
    _look(NOW)
    core = replacement
    _spared_until = 0
    del by_token[1:]
    free_tokens.clear()
    _tokens = count(1)


core = _library.Library()
main = cast(Task, getcurrent())
_adopt(main)
_start_one = _Start()
hub = Task(_run)
hub.handle = 0
_start_one.switch = partial(hub.switch, _START)
hub.switch()
ready.append(hub)
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_in_child)
