# SPDX-License-Identifier: Apache-2.0
"""A core without a library: its clock moves only when every task waits, or when a test says so."""

from typing import Optional

from cothread._library import READY_WORDS, Requests

OPERATION_WAIT, OPERATION_WITHDRAW, OPERATION_FINISH = 1, 2, 3
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
        self.waits: dict[int, tuple[int, int, int, int]] = {}  # handle -> deadline, number, descriptor, events
        self.numbers = self.handles = 0
        self.ready_descriptors: dict[int, int] = {}
        self.requests_seen: list[tuple[int, int]] = []  # operation, deadline
        self.polls = 0
        self.stamp = [0, 0]
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

    def batch(self) -> "list[int]":
        return []

    def poll(self, requests: Requests, deadline: int) -> "list[int]":
        self.polls += 1
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        words = iter(requests)
        for handle, operation, until, events, _value in zip(words, words, words, words, words):
            self._request(handle, operation, until, events)
        requests.base += len(requests)
        requests.clear()
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

    def _request(self, handle: int, word: int, deadline: int, events: int) -> None:
        operation, fd = word & 0xFFFFFFFF, word >> 32
        self.requests_seen.append((operation, deadline))
        assert handle in self.tokens, "a request for a handle that was never made, or is finished"
        if operation == OPERATION_WAIT:
            assert handle not in self.waits, "a task waits twice"
            self.numbers += 1
            self.waits[handle] = (deadline, self.numbers, fd, events)
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
        for handle, (deadline, _number, _fd, _events) in sorted(self.waits.items(), key=lambda item: item[1][:2]):
            if deadline <= self.clock:
                del self.waits[handle]
                batch += (self.tokens[handle], TIMED_OUT, 0, 0)
        for handle, (_deadline, _number, fd, events) in sorted(self.waits.items(), key=lambda item: item[1][1]):
            found = self.ready_descriptors.get(fd, 0) & (events | 0x38)
            if found:
                del self.waits[handle]
                batch += (self.tokens[handle], found << 32, 0, 0)
        return batch[: self.capacity * READY_WORDS]
