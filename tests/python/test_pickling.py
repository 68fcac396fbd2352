# SPDX-License-Identifier: Apache-2.0
"""What belongs to the tasks of this process cannot be taken to another, nor doubled."""

import copy
import pickle

import cothread
import pytest


def things():
    with cothread.listen(("127.0.0.1", 0)) as listener, cothread.connect(listener.getsockname()) as connection:
        yield listener
        yield connection
    yield cothread.Spawn(int)
    yield cothread.Job(int)
    yield cothread.Pool()
    process = cothread.Process(["true"])
    yield process
    process.wait()
    with cothread.signals(10) as signals:
        yield signals
    timer = cothread.Timer(None, int)
    yield timer
    timer.cancel()
    yield from (cothread.Event(), cothread.Pulse(), cothread.EventQueue(), cothread.RLock())
    yield from (cothread.Callback, cothread.CallbackQueue(), cothread.ThreadedEventQueue())


def test_nothing_of_the_tasks_can_be_pickled_or_copied():
    for thing in things():
        for double in (copy.copy, copy.deepcopy, *(lambda t, n=n: pickle.dumps(t, n) for n in range(6))):
            with pytest.raises(TypeError, match=f"cannot pickle or copy .*{type(thing).__name__}"):
                double(thing)
    cothread.Yield()
