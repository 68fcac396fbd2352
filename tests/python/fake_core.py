# SPDX-License-Identifier: Apache-2.0
"""A core without a library: its clock moves only when every task waits, or when a test says so."""

import ctypes
from typing import Optional

from cothread._library import ITEM_FD, ITEM_WORDS, READY_WORDS, Items, Requests

OPERATION_WAIT, OPERATION_WITHDRAW, OPERATION_FINISH, OPERATION_WAIT_ITEMS = 1, 2, 3, 11
TIMED_OUT = -10 & 0xFFFFFFFF
FOREVER = 2**63 - 1


class EverybodyWaits(Exception):
    """No task is ready, and nothing is left that could make one ready."""


class FakeCore:
    capacity = 4096

    def __init__(self) -> None:
        self.clock = 1_000_000_000_000
        self.wall_clock = 1_700_000_000.0
        self.tokens: dict[int, int] = {}
        # Handle -> deadline, number, descriptors, and what an entry calls the first of them.
        self.waits: dict[int, tuple[int, int, list[tuple[int, int]], int]] = {}
        self.numbers = self.handles = 0
        self.ready_descriptors: dict[int, int] = {}
        self.failed_descriptors: dict[int, int] = {}  # items: the code each has as its result
        self.requests_seen: list[tuple[int, int]] = []  # operation, deadline
        self.polls = 0
        self.stamp = [0, 0]
        self.found = [0]
        self.interrupts = 0
        self.failure: Optional[Exception] = None

    def now(self) -> int:
        return self.clock

    def wall(self) -> float:
        return self.wall_clock

    def advance(self, seconds: float) -> None:
        self.clock += int(seconds * 1e9)
        self.wall_clock += seconds

    def create(self, token: int) -> int:
        self.handles += 1
        handle = 1000 + self.handles
        self.tokens[handle] = token
        return handle

    def error(self, code: int) -> Exception:
        return OSError(code, "fake")

    def interrupt(self) -> None:
        self.interrupts += 1

    def close(self, handle: int) -> None:
        """Of a real one, forgotten while the fake was in its place."""

    def batch(self) -> "list[int]":
        return []

    def poll(self, requests: Requests, deadline: int) -> "list[int]":
        self.polls += 1
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        self._take(requests)
        batch = self._due()
        if not batch and deadline == FOREVER and not self.interrupts:
            nearest = min((wait[0] for wait in self.waits.values()), default=FOREVER)
            if nearest == FOREVER:
                raise EverybodyWaits
            self.advance((nearest - self.clock) / 1e9)
            self.clock = nearest
            batch = self._due()
        self.interrupts = 0
        return batch

    def _take(self, requests: Requests) -> None:
        words = iter(requests)
        for handle, operation, until, events, value in zip(words, words, words, words, words):
            self._request(handle, operation, until, events, value)
        requests.base += len(requests)
        requests.clear()
        requests.items.clear()

    def look(self, items: Items, requests: Requests) -> int:
        """Descriptors only, by number."""
        self._take(requests)
        count = 0
        for place, (fd, events) in enumerate(self._descriptors(items.words)):
            bits = self.failed_descriptors.get(fd, 0) & 0xFFFFFFFF or self._bits(fd, events)
            count += bool(bits)
            items.words[place * ITEM_WORDS + 5] = bits | bool(bits) << 32
        return count

    def _descriptors(self, words: "list[int]") -> "list[tuple[int, int]]":
        assert all(word & 0xFFFFFFFF == ITEM_FD for word in words[::ITEM_WORDS])
        return [(fd, word >> 32) for word, fd in zip(words[::ITEM_WORDS], words[1::ITEM_WORDS])]

    def _bits(self, fd: int, events: int) -> int:
        return self.ready_descriptors.get(fd, 0) & (events | 0x38)

    def _request(self, handle: int, word: int, deadline: int, events: int, value: int) -> None:
        operation, fd = word & 0xFFFFFFFF, word >> 32
        self.requests_seen.append((operation, deadline))
        assert handle in self.tokens, "a request for a handle that was never made, or is finished"
        if operation == OPERATION_WAIT:
            assert handle not in self.waits, "a task waits twice"
            self.numbers += 1
            self.waits[handle] = (deadline, self.numbers, [(fd, events)], 0)
        elif operation == OPERATION_WAIT_ITEMS:
            assert handle not in self.waits, "a task waits twice"
            self.numbers += 1
            words = (ctypes.c_int64 * (fd * ITEM_WORDS)).from_address(value)[:]
            self.waits[handle] = (deadline, self.numbers, self._descriptors(words), 1)
        elif operation == OPERATION_WITHDRAW:
            self.waits.pop(handle, None)
        elif operation == OPERATION_FINISH:
            self.waits.pop(handle, None)
            del self.tokens[handle]
        else:
            raise AssertionError(f"operation {operation}")

    def _due(self) -> "list[int]":
        """Timers first, so that it is the scheduler who puts descriptors before them."""
        batch: list[int] = []
        for handle, (deadline, *_) in sorted(self.waits.items(), key=lambda item: item[1][:2]):
            if deadline <= self.clock:
                del self.waits[handle]
                batch += (self.tokens[handle], TIMED_OUT, 0, 0)
        for handle, (_deadline, _number, descriptors, first) in sorted(self.waits.items(), key=lambda item: item[1][1]):
            for place, (fd, events) in enumerate(descriptors, first):
                reason = self.failed_descriptors.get(fd, 0) & 0xFFFFFFFF
                found = self._bits(fd, events)
                if found or reason:
                    del self.waits[handle]
                    batch += (self.tokens[handle], reason or found << 32, 0, place)
                    break
        return batch[: self.capacity * READY_WORDS]
