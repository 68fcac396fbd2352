# SPDX-License-Identifier: Apache-2.0
"""From other threads into the scheduler.

A post is an append to a deque, and one foreign call only if the hub sleeps. One task at a time runs a queue's items,
so an action that waits holds back those behind it, as existing programs need.
"""

from _thread import allocate_lock, get_ident
from collections import deque
from typing import Any, Callable, Optional

from greenlet import GreenletExit, getcurrent

from . import _scheduler
from ._scheduler import Spawn, Task, Timedout, Yield, current_task, report, rouse, wait, wake_all

# Items run before the other tasks get their turn. A yield costs about two items, so this is 1 % of a flood's time,
# and 256 short actions take some 50 us.
_BUDGET = 256

_CALLBACK_BOUND = 1_000_000


class CallbackFull(Exception):
    """The queue holds as many callbacks as it may, and the caller must not wait."""


class _Callback:
    """Calls action(*args) in a task of the scheduler's thread, in the order of the calls. From any thread.

    `values` are the callbacks not started yet. Never blocks; above a million it raises CallbackFull.
    """

    __slots__ = ("__weakref__", "_bound", "_idle", "_running", "values")

    def __init__(self) -> None:
        self.values: deque[Any] = deque()
        self._bound = _CALLBACK_BOUND
        self._idle = True  # the next post must rouse the hub
        self._running = False  # a task is at work

    def __call__(self, action: Callable[..., Any], *args: Any) -> None:
        values = self.values
        if len(values) >= self._bound:
            raise CallbackFull(f"{self._bound} callbacks are pending: nothing runs them, or they come too fast")
        values.append((action, args))
        if self._idle:
            self._idle = False
            rouse(self)

    def _start(self) -> None:
        """The hub: runs the queue, unless a task does so already; that one looks again before it ends."""
        if not self._running:
            Spawn(self._run)

    def _run(self) -> None:
        if self._running:
            return
        self._running = True
        values = self.values
        take = values.popleft
        while True:
            for _ in range(min(len(values), _BUDGET)):
                action, args = take()
                try:
                    action(*args)
                except Exception as error:
                    _report(error)
                except BaseException as error:
                    if isinstance(error, GreenletExit):
                        raise
                    _report(error)
            if not values:
                self._idle = True
                # Looked at again after `_idle` is set: whoever appends later sees it and rouses the hub.
                if not values:
                    self._running = False
                    return
                self._idle = False
            Yield()


def _report(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        _scheduler.tell_main(error)
    else:
        report("Asynchronous callback raised uncaught exception", error)


Callback = _Callback()


class CallbackQueue:
    """A bounded queue of callbacks, for threads that post faster than the tasks can follow.

    When it holds `bound` callbacks, policy 'block' makes the caller wait: a thread blocks until half the queue is
    free, a task suspends. 'refuse' answers False. 'replace' keeps one pending callback per key (the action,
    if none is given): the latest one takes the place of the one before, and a new key is refused when full.
    Threads that post at the same moment may exceed the bound by one each.
    """

    __slots__ = (
        "__weakref__",
        "_blocked",
        "_bound",
        "_high",
        "_idle",
        "_latest",
        "_lock",
        "_policy",
        "_refused",
        "_replaced",
        "_resume_at",
        "_runner",
        "_running",
        "_suspended",
        "values",
    )

    def __init__(self, bound: int = 8192, policy: str = "block") -> None:
        if bound < 1:
            raise ValueError(f"bound is {bound}: a queue holds at least one callback")
        if policy not in ("block", "refuse", "replace"):
            raise ValueError(f"policy is {policy!r}, not 'block', 'refuse' or 'replace'")
        self.values: deque[Any] = deque()
        self._bound = bound
        self._policy = policy
        self._idle = True
        self._running = False
        self._runner: Any = None
        self._high = self._refused = self._replaced = 0
        # Refilled in large strokes: each change between producer and loop costs a hand-over of the interpreter.
        self._resume_at = bound // 2
        self._blocked: deque[Any] = deque()
        self._suspended: deque[Task] = deque()
        # 'replace' looks and then writes, which takes a lock: about 60 ns more.
        self._lock = allocate_lock()
        self._latest: Optional[dict[Any, tuple[Callable[..., Any], tuple[Any, ...]]]] = (
            {} if policy == "replace" else None
        )

    @property
    def bound(self) -> int:
        return self._bound

    @property
    def policy(self) -> str:
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

    def __call__(self, action: Callable[..., Any], *args: Any, key: Any = None) -> bool:
        """Queues action(*args); False if it was refused. From any thread."""
        values = self.values
        depth = len(values)
        if self._latest is not None:
            return self._replace(self._latest, action if key is None else key, action, args)
        if depth >= self._high:
            if depth >= self._bound:
                if self._policy == "refuse":
                    self._refused += 1
                    return False
                self._wait_for_room()
                depth = len(values)
            self._high = max(self._high, min(depth + 1, self._bound))
        values.append((action, args))
        if self._idle:
            self._idle = False
            rouse(self)
        return True

    def _replace(
        self,
        latest: "dict[Any, tuple[Callable[..., Any], tuple[Any, ...]]]",
        key: Any,
        action: Callable[..., Any],
        args: "tuple[Any, ...]",
    ) -> bool:
        with self._lock:
            if key in latest:
                self._replaced += 1
                latest[key] = (action, args)
                return True
            depth = len(self.values)
            if depth >= self._bound:
                self._refused += 1
                return False
            if depth >= self._high:
                self._high = depth + 1
            latest[key] = (action, args)
            self.values.append(key)
        if self._idle:
            self._idle = False
            rouse(self)
        return True

    def _wait_for_room(self) -> None:
        values = self.values
        if get_ident() != _scheduler.scheduler_thread_id:
            while len(values) >= self._bound:
                gate = allocate_lock()
                gate.acquire()
                self._blocked.append(gate)
                # Looked at again: the queue may have been emptied before the gate was there to be opened.
                if len(values) < self._bound:
                    return
                gate.acquire()
            return
        me = getcurrent()
        if me is _scheduler.hub or me is self._runner:
            raise CallbackFull("The queue is full, and the caller is who would have to empty it")
        while len(values) >= self._bound:
            wait(current_task(), self._suspended, None)

    def _open(self) -> None:
        """Lets those continue who wait for room."""
        blocked = self._blocked
        while blocked:
            blocked.popleft().release()
        wake_all(self._suspended)

    def _start(self) -> None:
        if not self._running:
            Spawn(self._run)

    def _run(self) -> None:
        if self._running:
            return
        self._running = True
        self._runner = getcurrent()
        values = self.values
        latest = self._latest
        take = values.popleft
        resume_at = self._resume_at
        try:
            while True:
                for _ in range(min(len(values), _BUDGET)):
                    if latest is None:
                        action, args = take()
                    else:
                        with self._lock:
                            action, args = latest.pop(take())
                    try:
                        action(*args)
                    except Exception as error:
                        _report(error)
                    except BaseException as error:
                        if isinstance(error, GreenletExit):
                            raise
                        _report(error)
                if len(values) <= resume_at and (self._blocked or self._suspended):
                    self._open()
                if not values:
                    self._idle = True
                    if not values:
                        self._running = False
                        return
                    self._idle = False
                Yield()
        finally:
            self._runner = None


def CallbackResult(
    action: Callable[..., Any],
    *args: Any,
    callback_queue: Callable[..., Any] = Callback,
    callback_timeout: Any = None,
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
        except BaseException as error:
            outcome.extend((None, error))
        finished.release()

    deadline = _scheduler.deadline_after(callback_timeout)
    if callback_spawn:
        callback_queue(Spawn, run)
    else:
        callback_queue(run)
    left = -1.0 if deadline is None else max(0, deadline - _scheduler.kernel.now()) / 1e9
    if not finished.acquire(True, left):
        raise Timedout("Timed out waiting for callback result")
    result, error = outcome
    if error is not None:
        raise error
    return result
