# SPDX-License-Identifier: Apache-2.0
"""The three forms of a timeout: None, seconds, or a 1-tuple with a moment of time.time()."""

from typing import Optional

from . import _scheduler
from ._scheduler import Moment, Timeout, deadline_after


def AbsTimeout(timeout: Timeout) -> "Optional[tuple[Optional[float]]]":
    """The same timeout as a 1-tuple, so that several waits can share it. Setting the clock does not move it."""
    deadline = deadline_after(timeout)  # checks it in every form
    if timeout is None or isinstance(timeout, tuple):
        return timeout
    if deadline is None:
        return None
    moment = Moment((_scheduler.core.wall() + timeout,))
    moment.deadline = deadline
    return moment


def GetDeadline(timeout: Timeout) -> Optional[float]:
    """The timeout as a moment of time.time(); None for never."""
    moment = AbsTimeout(timeout)
    return None if moment is None else moment[0]


def Deadline(deadline: Optional[float]) -> "tuple[Optional[float]]":
    """A moment of time.time() as a timeout."""
    return (deadline,)
