# SPDX-License-Identifier: Apache-2.0
"""A signal handler raises in the middle of the package: see faults.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("faults.py")
SCENARIOS = re.findall(r"^    (\w+, .*),$", PROGRAM.read_text(), re.MULTILINE)
NAMES = [name for line in SCENARIOS for name in line.split(", ")]


def run(*arguments):
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), **os.environ}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]


@pytest.mark.parametrize("name", NAMES)
def test_an_exception_at_any_place_loses_no_task_and_runs_none_twice(name):
    run(name)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="older Pythons run handlers between more instructions")
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("callback_queue", "connection")])
def test_nor_do_two_exceptions_close_together(name):
    run(name, "1")
