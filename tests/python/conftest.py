# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
import textwrap
from pathlib import Path

import cothread
import pytest
from cothread import _scheduler
from fake_core import FakeCore

cothread.Yield()  # the first wait has the library listen for signals: not in a fake


@pytest.fixture(autouse=True)
def no_task_is_left_over():
    yield
    # The tasks of callback queues stay.
    left = {task for task in cothread.Spawn.Cothreads if "_Server.serve" not in repr(task._function)}
    cothread.Spawn.Cothreads.difference_update(left)
    assert not left, "tasks left over"


@pytest.fixture
def core():
    """A fake library, whose clock jumps to the next deadline when every task waits."""
    real = _scheduler.core
    fake = FakeCore()
    listening = _scheduler.before_sleep, _scheduler.after_sleep  # for signals, which are counted by the real clock
    _scheduler.use(fake)
    _scheduler.before_sleep = _scheduler.after_sleep = _scheduler.nothing
    yield fake
    _scheduler.use(real)
    _scheduler.before_sleep, _scheduler.after_sleep = listening


@pytest.fixture
def run_script(tmp_path):
    """Runs a Python program to its end and returns what it printed; its exit code must be `code`."""

    def run(source, code=0, timeout=60, options=()):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, *options, str(script)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=Path(__file__).parent,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run
