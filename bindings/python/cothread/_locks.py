# SPDX-License-Identifier: Apache-2.0
"""Locks and queues that tasks and threads share: a thread that waits for one is blocked, a task suspended.

Each has the standard library's object in it, by which threads wait. A task tries that one, and waits in a queue beside
it. Who lets go looks at the queue afterwards, and a task that has entered the queue tries again: so one of both sees
the other.
"""

import queue
import threading
from _queue import SimpleQueue as _SystemQueue
from _thread import allocate_lock, get_ident
from collections import deque
from typing import Any, Callable, Optional

from greenlet import getcurrent

from ._offload import Job, Pool
from ._scheduler import current_task, deadline_after, rouse, scheduler_thread_id, wait, wake_first
from ._standard import in_task


class _Shared:
    __slots__ = ("__weakref__", "_waiters")

    _waiters: "deque[Any]"

    def _available(self) -> bool:
        """Whether a task that waits had better try."""
        raise NotImplementedError

    def _suspend(self, deadline: Optional[int], attempt: Callable[[], bool]) -> bool:
        """In a task: waits until the attempt succeeds. False: the deadline came first."""
        me = current_task()
        try:
            while not attempt():
                if wait(me, self._waiters, deadline, self._available):
                    return attempt()
        except BaseException:
            self._changed()  # it may have been woken for what somebody else can have
            raise
        return True

    def _changed(self) -> None:
        """From any thread: a task that waits may try."""
        if self._waiters and self._available():
            if get_ident() == scheduler_thread_id:
                self._start()
            else:
                rouse(self)

    def _start(self) -> None:
        if self._waiters:
            wake_first(self._waiters)


class Lock(_Shared):
    """threading.Lock. Released by one task, thread or other, it may be acquired by the next."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._waiters = deque()

    def _available(self) -> bool:
        return not self._lock.locked()

    def _attempt(self) -> bool:
        return self._lock.acquire(False)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if timeout != -1 and not (blocking and 0 <= timeout <= threading.TIMEOUT_MAX):
            return self._lock.acquire(blocking, timeout)  # which says what is wrong
        if self._lock.acquire(False):
            return True
        if not blocking:
            return False
        if not in_task():
            return self._lock.acquire(True, timeout)
        return self._suspend(deadline_after(None if timeout == -1 else timeout), self._attempt)

    def release(self) -> None:
        self._lock.release()
        self._changed()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<{'locked' if self.locked() else 'unlocked'} cothread.Lock object at {id(self):#x}>"

    def _at_fork_reinit(self) -> None:
        self._lock = allocate_lock()
        self._waiters = deque()

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked


class RLock:
    """threading.RLock. Its owner is a task, or a thread that runs none."""

    __slots__ = ("__weakref__", "_count", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner: Any = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = getcurrent()  # a thread that runs no tasks has one, too
        if self._owner is me:
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner = me
        self._count = 1
        return True

    def release(self) -> None:
        if self._owner is not getcurrent():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "locked" if self.locked() else "unlocked"
        return f"<{state} cothread.RLock object owner={self._owner!r} count={self._count} at {id(self):#x}>"

    # What threading.Condition asks for.

    def _is_owned(self) -> bool:
        return self._owner is getcurrent()

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> "tuple[int, Any]":
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        state = self._count, self._owner
        self._count = 0
        self._owner = None
        self._lock.release()
        return state

    def _acquire_restore(self, state: "tuple[int, Any]") -> None:
        self._lock.acquire()
        self._count, self._owner = state

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._owner = None
        self._count = 0


class SimpleQueue(_Shared):
    """queue.SimpleQueue."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: _SystemQueue[Any] = _SystemQueue()
        self._waiters = deque()

    def __class_getitem__(cls, _: Any) -> type:
        return cls

    def _available(self) -> bool:
        return not self._queue.empty()

    def put(self, item: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        self._queue.put(item)
        self._changed()

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        if not block or (timeout is not None and timeout <= 0) or not in_task():
            return self._queue.get(block, timeout)
        got: list[Any] = []

        def attempt() -> bool:
            try:
                got.append(self._queue.get(False))
            except queue.Empty:
                return False
            return True

        if not self._suspend(deadline_after(timeout), attempt):
            raise queue.Empty
        return got[0]

    def get_nowait(self) -> Any:
        return self._queue.get(False)

    def empty(self) -> bool:
        return self._queue.empty()

    def qsize(self) -> int:
        return self._queue.qsize()


_system_join = threading.Thread.join
_joiners = Pool(threads=256)


def join(self: threading.Thread, timeout: Optional[float] = None) -> None:
    """Thread.join: a task has another thread wait."""
    _system_join(self, 0)  # which says what is wrong
    if not self.is_alive() or not in_task():
        _system_join(self, timeout)
        return
    try:
        job = Job(_system_join, self, timeout, pool=_joiners)
    except RuntimeError:  # the interpreter ends, and starts no threads any more
        _system_join(self, timeout)
        return
    try:
        job.Wait()
    finally:
        job.AbortWait()
