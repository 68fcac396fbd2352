# SPDX-License-Identifier: Apache-2.0
"""From other threads into the scheduler.

A post is an append to a deque, and one foreign call only if the hub sleeps. One task at a time runs a queue's items,
so an action that waits holds back those behind it, as existing programs need.
"""

import os
import threading
import weakref
from _thread import allocate_lock, get_ident
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Literal, Optional, Union

from greenlet import GreenletExit, getcurrent

from . import _scheduler
from ._scheduler import (
    NOWHERE,
    UNTIMED,
    Bound,
    Misuse,
    Server,
    Source,
    Spawn,
    Task,
    Timedout,
    Timeout,
    Yield,
    call_code,
    check_thread,
    current_task,
    go_on,
    name_of,
    ready,
    report_action,
    rouse,
    shown,
    wait,
    wait_code,
    wake_all,
    wake_first,
    wake_hub,
    wakeups,
    withdraw,
)

# Items run before the other tasks get their turn. A yield costs about two items, so this is 1 % of a flood's time,
# and 256 short actions take some 50 us.
_BUDGET = 256

# Posts that threads may add to a blocking queue before the tasks get a turn. A thread that posts keeps the interpreter
# for the whole of its 5 ms switch interval, unless it blocks: so it blocks each time, for as long as a turn takes.
_STROKE = 2048

_CALLBACK_BOUND = 1_000_000


class CallbackFull(Exception):
    """The queue holds as many callbacks as it may, and the caller must not wait, or would wait for ever."""


_ended = ""  # or why no task runs any more, and no callback
_gates: "set[Any]" = set()  # locks that threads are blocked at until a task releases them
_CLOSED_TEXT = "Cannot post to a closed queue"


def _end(whose: str) -> None:
    """Lets go the threads that wait for a task: Python waits for them before it ends."""
    global _ended
    _ended = f"The {whose} has ended: nothing runs callbacks any more"
    for gate in list(_gates):
        _open(gate)


def _open(gate: Any) -> None:
    """In the scheduler's thread only, so that nobody else releases it in between."""
    if gate.locked():
        gate.release()


def _pass(gate: Any, timeout: float) -> bool:
    """Blocks the calling thread until a task or the end of main opens the gate; False after the timeout (-1: never)."""
    _gates.add(gate)
    try:
        return _ended != "" or bool(gate.acquire(True, timeout))
    finally:
        _gates.discard(gate)


class _Thread:
    """Freed when the thread ends that it belongs to."""

    def __del__(self) -> None:
        _end("thread that runs the tasks")
        for queue in list(_queues):
            queue._refuse_all()


_queues: "weakref.WeakSet[_Queue]" = weakref.WeakSet()  # if the host may end while others post
_host = threading.local()
_host_is_main = threading.current_thread() is threading.main_thread()
if _host_is_main:
    # Before Python waits for the threads that are not daemons, as concurrent.futures does it; atexit comes after, and
    # there tasks may still wait for callbacks.
    threading._register_atexit(_end, "main thread")  # type: ignore[attr-defined]
else:
    _host.thread = _Thread()


class _Queue(Bound):
    """Callbacks from any thread."""

    __slots__ = ("__weakref__", "_closed", "_idle", "_server", "values")

    def __init__(self) -> None:
        self.values: deque[Any] = deque()
        self._idle = True  # the next post must rouse the hub
        self._closed = False
        self._server: Optional[_Server] = None
        if not _host_is_main:
            _queues.add(self)

    def _start(self) -> None:
        """In the hub: there is something to run, unless the task has seen it already."""
        server = self._server
        if server is None:
            server = _Server(self)
            Spawn(server.serve)
            self._server = server  # last: an exception before it has this done again
        else:
            server.held = self
            server._start()

    def _refuse_all(self) -> None:
        """The host has ended: the next post is told so."""
        self._closed = True

    def _run_some(self) -> None:
        values = self.values
        count = len(values)
        for _ in range(count if count < _BUDGET else _BUDGET):  # min() would take longer than an action
            action, args = values[0]
            del values[0]
            try:
                if args:
                    action(*args)
                else:
                    action()
            except BaseException as error:
                _report(action, error)


class _Server(Server):
    """The task that runs a queue's callbacks. While there are none it holds the queue only weakly: one that the program
    lets go of is freed, and the task ends."""

    __slots__ = ("held", "parked", "queue", "task")

    def __init__(self, queue: _Queue) -> None:
        self.queue = weakref.ref(queue, self._forgotten)
        self.held: Optional[_Queue] = queue  # there may be something to run
        self.task: Optional[Task] = None
        self.parked: Optional[Task] = None  # the task, while it has nothing to do

    def _forgotten(self, _queue: "weakref.ref[_Queue]") -> None:
        """In any thread."""
        rouse(self)

    def _start(self) -> None:
        """In the hub."""
        task = self.parked
        if task is not None:
            ready.append(task)
            task.armed = 0
            self.parked = None

    def _lost(self, task: Optional[Task]) -> None:
        queue = self.queue()
        if queue is not None and queue._server in (self, None):
            queue._server = None
            queue._idle = False
            rouse(queue)

    def serve(self) -> None:
        self.task = me = current_task()
        queue = self.held
        if queue is not None and queue._server is not self:
            if queue._server is not None:
                return  # another one was made
            queue._server = self
        queue = None
        while True:
            try:
                self._run_all(me)
                return
            except GreenletExit:  # at exit, or an action raised it: another task runs the rest
                withdraw(me)  # the hub may have made it ready again in this round
                queue = self.queue()
                if queue is not None:
                    queue._server = None
                    queue._idle = False
                    rouse(queue)  # even with nothing to run: threads may wait for room
                raise
            except BaseException as error:  # raised by a signal handler of the program's, between two actions
                withdraw(me)
                self.parked = None
                self.held = queue = self.queue()
                if queue is not None:
                    queue._idle = False
                queue = None
                _scheduler.errors.append(error)

    def _run_all(self, me: Task) -> None:
        while True:
            queue = self.held
            if queue is None:
                return  # it was freed
            values = queue.values
            queue._run_some()
            if values:
                Yield()
                continue
            queue._idle = True
            # Looked at again after `_idle` is set: whoever appends later sees it and rouses the hub.
            if values:
                queue._idle = False
                continue
            if queue._closed:
                queue._server = None
                return
            # The task is kept: waking it takes less than spawning one.
            me.armed = UNTIMED
            me.queue = NOWHERE
            self.parked = me
            self.held = queue = None
            for entry in _scheduler.turns:
                break
            entry.switch()
            if me.armed:
                go_on(me)
            me.queue = None


wait_code.add(_Server._run_all.__code__)
call_code.add(_Queue._run_some.__code__)


def _report(action: Any, error: BaseException) -> None:
    """What cannot be called is found here: at each post it would cost 6 %."""
    report_action(f"Asynchronous callback {name_of(action)}", error)


class _Callback(_Queue):
    """Calls action(*args) in a task of the scheduler's thread, in the order of the calls. From any thread.

    `values` are the callbacks not started yet. Never blocks; above a million it raises CallbackFull.
    """

    __slots__ = ("_bound",)

    def __init__(self) -> None:
        super().__init__()
        self._bound = _CALLBACK_BOUND

    def _refuse_all(self) -> None:
        self._bound = 0  # which a post looks at anyway
        super()._refuse_all()

    def __call__(self, action: Callable[..., Any], *args: Any) -> None:
        values = self.values
        if len(values) >= self._bound:
            if self._closed:
                raise CallbackFull(_ended)
            raise CallbackFull(f"{self._bound} callbacks are pending: nothing runs them, or they come too fast")
        global wakeups
        try:
            values.append((action, args))
            if self._idle:
                self._idle = False
                wakeups += (self,)
                if _scheduler.asleep:
                    wake_hub()
        except BaseException:  # a signal handler's, whatever of this was done
            wakeups += (self,)
            if _scheduler.asleep:
                wake_hub()
            raise


Callback = _Callback()


class _Pending:
    """A callback of a 'replace' queue. `item` is a list of (action, args), emptied when it is taken."""

    __slots__ = ("item", "key")

    def __init__(self, key: Any, item: "tuple[Callable[..., Any], tuple[Any, ...]]") -> None:
        self.key = key
        self.item = [item]


Policy = Literal["block", "refuse", "replace"]


class CallbackQueue(_Queue, Source):
    """A bounded queue of callbacks, for threads that post faster than the tasks can follow.

    When it holds `bound` callbacks, policy 'block' makes the caller wait: a thread blocks, a task suspends.
    'refuse' answers False. 'replace' keeps one pending callback per key (the action, if none is given): the latest
    takes the place of the one before, and a new key is refused when full. Threads that post at the same moment may
    exceed the bound by one each.
    """

    __slots__ = (
        "_blocked",
        "_bound",
        "_high",
        "_latest",
        "_limit",
        "_policy",
        "_refused",
        "_replaced",
        "_stroke",
        "_suspended",
    )

    def __init__(self, bound: int = 8192, policy: Policy = "block") -> None:
        if not isinstance(bound, int):
            raise TypeError(f"bound is {shown(bound)}, not a number of callbacks")
        if bound < 1:
            raise ValueError(f"bound is {bound}: a queue holds at least one callback")
        if policy not in ("block", "refuse", "replace"):
            raise ValueError(f"policy is {shown(policy)}, not 'block', 'refuse' or 'replace'")
        super().__init__()
        self._bound = bound
        self._policy: Policy = policy
        # Where the next post must look closer: at the bound, or where a thread gives way.
        self._stroke = _STROKE if policy == "block" else bound
        self._limit = min(bound, self._stroke)
        self._high = self._refused = self._replaced = 0
        self._blocked: deque[Any] = deque()
        self._suspended: deque[Any] = deque()
        self._latest: Optional[dict[Any, _Pending]] = {} if policy == "replace" else None

    @property
    def bound(self) -> int:
        """The most callbacks it holds."""
        return self._bound

    @property
    def policy(self) -> Policy:
        """What a call does when the queue is full."""
        return self._policy

    @property
    def depth(self) -> int:
        """Callbacks pending now."""
        return len(self.values)

    @property
    def high_water(self) -> int:
        """The most callbacks that were ever pending."""
        return self._high

    @property
    def refused(self) -> int:
        """Calls answered False."""
        return self._refused

    @property
    def replaced(self) -> int:
        """Callbacks that never ran because a later one took their place."""
        return self._replaced

    def close(self) -> None:
        """Takes no more, which is Misuse from now on. What is queued still runs."""
        check_thread()
        if not self._closed:
            self._refuse_all()
            self._make_room()
            if self._server is not None:
                rouse(self)  # its task ends

    def _refuse_all(self) -> None:
        self._limit = 0  # which a post looks at anyway
        super()._refuse_all()

    def _check_open(self) -> None:
        if self._closed:
            if _ended:
                raise CallbackFull(_ended)
            raise Misuse(_CLOSED_TEXT)

    def __call__(self, action: Callable[..., Any], *args: Any, key: Any = None) -> bool:
        """Queues action(*args); False if it was refused. From any thread."""
        values = self.values
        if self._latest is not None:
            return self._replace(self._latest, action if key is None else key, (action, args))
        depth = len(values)
        if depth >= self._limit:
            self._check_open()
            if self._policy == "refuse":
                self._refused += 1
                return False
            self._wait_for_room()
            depth = len(values)
        if depth >= self._high:
            self._high = depth + 1
        global wakeups
        try:  # as in _Callback
            values.append((action, args))
            if self._idle:
                self._idle = False
                wakeups += (self,)
                if _scheduler.asleep:
                    wake_hub()
        except BaseException:
            wakeups += (self,)
            if _scheduler.asleep:
                wake_hub()
            raise
        return True

    def _replace(
        self, latest: "dict[Any, _Pending]", key: Any, item: "tuple[Callable[..., Any], tuple[Any, ...]]"
    ) -> bool:
        """No lock: a signal handler or a finalizer that runs in here may post too. What must be one step is one
        operation on a dict or a list."""
        self._check_open()
        values = self.values
        while True:
            pending = latest.get(key)
            if pending is not None:
                try:
                    pending.item[0] = item
                except IndexError:  # it was taken meanwhile, and its key with it, unless the key changed its hash
                    if latest.get(key) is pending:
                        del latest[key]
                    continue
                self._replaced += 1
                return True
            depth = len(values)
            if depth >= self._bound:
                self._refused += 1
                return False
            new = _Pending(key, item)
            try:
                if latest.setdefault(key, new) is not new:
                    continue  # another thread was first
                self._queue(new)
            except BaseException:  # a signal handler's, in between: others may have been told that they replaced it
                if latest.get(key) is new and new not in values:
                    self._queue(new)
                raise
            if depth >= self._high:
                self._high = depth + 1
            return True

    def _queue(self, pending: _Pending) -> None:
        global wakeups
        values = self.values
        values += (pending,)
        if self._idle:
            self._idle = False
            wakeups += (self,)
            if _scheduler.asleep:
                wake_hub()

    def _start(self) -> None:
        if self._blocked:  # they gave way for long enough, whatever the queue's task does: it may be waiting
            self._make_room()
        _Queue._start(self)

    def _wait_for_room(self) -> None:
        values = self.values
        if get_ident() != _scheduler.scheduler_thread_id:
            while len(values) >= self._limit:
                gate = allocate_lock()
                gate.acquire()
                self._blocked.append(gate)
                # Looked at again: the queue may have been emptied or closed before the gate was there to be opened.
                self._check_open()
                if len(values) < self._limit:
                    return
                if len(values) < self._bound:
                    rouse(self)  # it gives way for a round, see _start
                _pass(gate, -1)
                self._check_open()
                if _ended:
                    raise CallbackFull(_ended)
            return
        me = getcurrent()
        while len(values) >= self._bound:
            if me is _scheduler.hub or self._is_run_by(me):
                raise CallbackFull("The queue is full, and the caller is who would have to empty it")
            wait(current_task(), self._suspended, None, self._holds)
            self._check_open()

    def _check(self, me: Task) -> None:
        self._check_open()
        if self._is_run_by(me):
            raise Misuse("A callback of the queue cannot wait for room in it: it is who would have to make it")

    def _is_run_by(self, me: Any) -> bool:
        server = self._server
        return server is not None and server.task is me

    def _holds(self) -> bool:
        return self._closed or len(self.values) < self._bound

    def _take(self) -> "Union[int, Misuse]":
        if self._closed:
            return Misuse(_CLOSED_TEXT)
        return max(1, self._bound - len(self.values))  # other threads post meanwhile

    def _line(self) -> "deque[Any]":
        return self._suspended

    def _make_room(self) -> None:
        limit = len(self.values) + self._stroke
        if not self._closed:
            self._limit = limit if limit < self._bound else self._bound
        if self._closed or len(self.values) < self._limit:
            blocked = self._blocked
            while blocked:
                _open(blocked.popleft())
            wake_all(self._suspended)

    def _run_some(self) -> None:
        latest = self._latest
        if latest is None:
            _Queue._run_some(self)  # super() is a call more
            if self._blocked or self._suspended or self._limit != self._stroke:
                self._make_room()
            return
        values = self.values
        for _ in range(min(len(values), _BUDGET)):
            pending: _Pending = values[0]
            try:
                if latest.get(pending.key) is pending:
                    del latest[pending.key]
            except Exception as error:  # the key's own, from its hash
                report_action(f"The key of callback {name_of(pending.item[0][0])}", error)
            del values[0]  # no call from here on, see _replace
            item = pending.item
            action, args = item[0]
            del item[0]
            try:
                action(*args)
            except BaseException as error:
                _report(action, error)
        if self._suspended:
            self._make_room()


def CallbackResult(
    action: Callable[..., Any],
    *args: Any,
    callback_queue: Callable[..., Any] = Callback,
    callback_timeout: Timeout = None,
    callback_spawn: bool = True,
    **kargs: Any,
) -> Any:
    """Calls the action in the scheduler's thread, waits for it there and returns its result or raises its exception.

    In the scheduler's thread this is a plain call. callback_spawn: in a task of its own, so that an action that
    waits does not hold back the queue. After the timeout the action still runs to its end.
    """
    if get_ident() == _scheduler.scheduler_thread_id:
        return action(*args, **kargs)
    finished = allocate_lock()
    finished.acquire()
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((action(*args, **kargs), None))
        except GreenletExit:  # main has ended
            raise
        except BaseException as error:
            outcome.extend((None, error))
        finally:
            _open(finished)

    deadline = _scheduler.deadline_after(callback_timeout)
    if _ended and not _host_is_main:
        raise RuntimeError(_ended)
    # A callable of its own, which a queue that replaces takes for nobody else's.
    if callback_queue(partial(Spawn, run) if callback_spawn else run) is False:
        raise CallbackFull(f"The queue refused {name_of(action)}")
    left = -1.0 if deadline is None else max(0, deadline - _scheduler.core.now()) / 1e9
    if not _pass(finished, left):
        raise Timedout("Timed out waiting for callback result")
    if not outcome:
        raise RuntimeError(_ended or f"{name_of(action)} ended its task: there is no result")
    result, error = outcome
    if error is not None:
        try:
            raise error
        finally:
            del error, outcome  # the traceback holds this frame
    return result


class ThreadedEventQueue(Bound):
    """A queue of values for tasks and threads alike: any of them may Signal, any may Wait."""

    def __init__(self) -> None:
        self._values: deque[Any] = deque()
        self._waiters: deque[Any] = deque()  # tasks
        self._gates: deque[Any] = deque()  # locks at which threads are blocked
        self._pipe: Optional[tuple[int, int]] = None
        self._making = allocate_lock()

    def __len__(self) -> int:
        return len(self._values)

    def __del__(self) -> None:
        for fd in getattr(self, "_pipe", None) or ():
            os.close(fd)

    @property
    def wait_descriptor(self) -> int:
        """A descriptor that can be read while there are values: to be waited for, not to be read."""
        with self._making:
            if self._pipe is None:
                pipe = os.pipe()
                for fd in pipe:
                    os.set_blocking(fd, False)
                self._pipe = pipe
                if self._values:
                    self._show(pipe[1])
            return self._pipe[0]

    def Signal(self, value: Any) -> None:
        """Appends the value and wakes one who waits. Never blocks or suspends."""
        self._values.append(value)
        self._wake()
        if self._pipe is not None:
            self._show(self._pipe[1])

    def Wait(self, timeout: Timeout = None) -> Any:
        """Takes the oldest value, at once if there is one; else a task suspends, a thread blocks."""
        deadline = _scheduler.deadline_after(timeout)
        here = get_ident() == _scheduler.scheduler_thread_id
        try:
            while True:
                try:
                    value = self._values.popleft()
                except IndexError:
                    late = self._suspend(deadline) if here else self._block(deadline)
                    if late and not self._values:
                        raise Timedout("Timed out waiting for signal") from None
                else:
                    break
        except BaseException:
            if self._values:
                self._wake()
            raise
        if self._pipe is not None and not self._values:
            with suppress(BlockingIOError):
                os.read(self._pipe[0], 65536)
            if self._values:  # signalled meanwhile
                self._show(self._pipe[1])
        return value

    def _suspend(self, deadline: Optional[int]) -> bool:
        return wait(current_task(), self._waiters, deadline, self._has_values)

    def _block(self, deadline: Optional[int]) -> bool:
        gate = allocate_lock()
        gate.acquire()
        self._gates.append(gate)
        late = False
        # Looked at again: a value may have come before the gate was there to be opened.
        if not self._values:
            left = -1.0 if deadline is None else max(0, deadline - _scheduler.core.now()) / 1e9
            late = not gate.acquire(True, left)
        with suppress(ValueError):  # it was taken away, to be opened
            self._gates.remove(gate)
        return late

    def _has_values(self) -> bool:
        return bool(self._values)

    def _wake(self) -> None:
        try:
            self._gates.popleft().release()
        except IndexError:
            rouse(self)

    def _start(self) -> None:
        """In the hub."""
        for _ in range(min(len(self._values), len(self._waiters))):
            wake_first(self._waiters)

    def _show(self, fd: int) -> None:
        with suppress(BlockingIOError):  # it can be read already
            os.write(fd, b"x")
