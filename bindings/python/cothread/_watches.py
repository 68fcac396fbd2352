# SPDX-License-Identifier: Apache-2.0
"""Changes of files, which the library tells.

Whatever it hands to a wait is gone from it, and a wait of several things may be ended by another one. So no task waits
in the library for a change: each watch has a wait of its own there, which nobody withdraws. It begins when a task waits
and nothing is there, and is begun again only if more tasks wait: all else stays in the library, which bounds it.
"""

import errno
import os
import warnings
from collections import deque
from typing import Any, Literal, NamedTuple, Optional, Union, cast

from . import _library, _scheduler
from ._scheduler import Source, Task, Watch, attach, check_thread, detach, disarm, requests, rouse, wake_all, wake_first

Kind = Literal["created", "modified", "written", "attributes", "deleted", "moved_out", "moved_in"]
Told = Literal[
    "created", "modified", "written", "attributes", "deleted", "moved_out", "moved_in", "directory", "gone", "lost"
]


class FileChange(NamedTuple):
    """A change that a FileWatch tells of.

    name: of the entry of a watched directory; "" for what is watched itself. what: its kinds; beside them "directory":
    the entry is one; "gone": the last one, for what was watched is deleted or not mounted any more; "lost": there were
    too many, so look at the files.
    """

    name: str
    what: "frozenset[Told]"


class _Changes(Watch):
    """The wait of a watch. It knows nothing of the object that the program holds, which may so be collected."""

    __slots__ = ("_item", "_watch", "end", "found", "waiters")

    def __init__(self, path: bytes, changes: int) -> None:
        super().__init__()
        self.found: Optional[FileChange] = None  # not taken yet
        self.waiters: deque[Any] = deque()
        self.end: tuple[int, str] = (0, "")  # why there will be no more: what OSError is made of
        self._watch = _scheduler.core.open_watch(path, changes)
        self._item = _library.WatchItem(self._watch)

    def begin(self) -> None:
        if not (self.armed or self.found or self.end[0]):
            handle = self.handle or attach(self)
            self.armed = requests.end
            requests.add_items(handle, self._item, _library.FOREVER)

    def completed(self, what: int) -> None:
        reason = what & 0xFFFFFFFF
        if reason:
            self.armed = 0
            self._ends(errno.EIO, str(_scheduler.core.error(reason - (1 << 32))))
            return
        change = self._change()
        if self.waiters:
            wake_first(self.waiters)
        self.found = change  # no call between these two: what is interrupted is run again
        self.armed = 0
        self._told(change)

    def look(self) -> None:
        """Takes a change that the library has, if there is none here."""
        if not (self.armed or self.found or self.end[0]) and _scheduler.core.look(self._item, requests):
            self.found = self._change()
            self._told(self.found)

    def _change(self) -> FileChange:
        name, what = self._item.change()
        return FileChange(name, what)  # type: ignore[arg-type]

    def _told(self, change: FileChange) -> None:
        if "gone" in change.what:
            self._ends(errno.ENOENT, "What was watched is gone")

    def take(self) -> FileChange:
        change = cast(FileChange, self.found)
        self.found = None
        if self.waiters:
            if self.end[0]:
                wake_all(self.waiters)
            else:
                self.begin()
        return change

    def _ends(self, code: int, text: str) -> None:
        self.end = (code, text)
        if not self.found:
            wake_all(self.waiters)

    def close(self) -> None:
        if self._watch:
            watch, self._watch = self._watch, 0
            if self.armed:
                disarm(self)
            detach(self)
            _scheduler.core.close(watch)
            self.found = None
            self._ends(errno.EBADF, "The watch is closed")

    _start = close  # in the hub: nobody holds it


class FileWatch(Source):
    """Watches a file, or a directory with its entries but nothing below them, from now until it is closed.

    It is to be waited for (`wait`), beside other things: each wait takes one FileChange, in order; up to 1024 are kept
    while nobody waits. changes: the kinds to tell of; none are all. What is watched is the file, not its name: to see
    one replaced by a rename, as editors do it, watch its directory. Close it, or use it in a `with`.
    """

    __slots__ = ("__weakref__", "_changes", "_path")

    def __init__(self, path: "Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]", *changes: Kind) -> None:
        check_thread()
        if not isinstance(path, (str, bytes, os.PathLike)):
            raise TypeError(f"path is {path!r}, not the path of a file or directory")
        name = os.fsencode(path)
        if b"\0" in name:
            raise ValueError(f"path is {path!r}: it has a null in it")
        bits = 0
        for kind in changes or _library.CHANGES:
            if not isinstance(kind, str) or kind not in _library.CHANGES:
                raise ValueError(f"changes has {kind!r}, none of {', '.join(_library.CHANGES)}")
            bits |= _library.CHANGES[kind]
        self._path = path
        self._changes = _Changes(name, bits)

    def __del__(self) -> None:
        if hasattr(self, "_changes") and self._changes._watch:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            rouse(self._changes)

    def __enter__(self) -> "FileWatch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FileWatch {self._path!r}{'' if self._changes._watch else ', closed'}>"

    def close(self) -> None:
        """Watches no more; what was not taken is dropped. Who waits for it gets an OSError, EBADF, as the value."""
        check_thread()
        self._changes.close()

    def _error(self) -> OSError:
        return OSError(*self._changes.end, self._path)

    def _check(self, me: Task) -> None:
        if self._changes.end[0] and self._changes.found is None:
            raise self._error()

    def _takes(self) -> bool:
        return self._changes.found is not None

    def _holds(self) -> bool:
        self._changes.look()
        return self._changes.found is not None or self._changes.end[0] != 0

    def _take(self) -> "Union[FileChange, OSError]":
        return self._error() if self._changes.found is None else self._changes.take()

    def _line(self) -> "deque[Any]":
        self._changes.begin()
        return self._changes.waiters

    def _comes_late(self) -> bool:
        return True

    def _pass_on(self) -> None:
        changes = self._changes
        if changes.found and changes.waiters:
            wake_first(changes.waiters)
