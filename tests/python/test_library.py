# SPDX-License-Identifier: Apache-2.0
"""Finding libcothread, and what an import says when it cannot be had."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import cothread
import pytest
from cothread import LibraryError, _scheduler


def import_with(library):
    return subprocess.run(
        [sys.executable, "-c", "import cothread"],
        env={**os.environ, "COTHREAD_LIBRARY": str(library)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def last_line(done):
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_a_missing_library_is_one_clear_sentence(tmp_path):
    line = last_line(import_with(tmp_path / "nowhere.so"))
    assert line.startswith("ImportError: cothread cannot load libcothread.so: name the file in COTHREAD_LIBRARY")
    assert "nowhere.so" in line


def test_a_library_of_another_abi_is_refused(tmp_path):
    source = tmp_path / "other.c"
    source.write_text("int cothread_abi(void) { return 99; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "other.so", source], check=True)
    line = last_line(import_with(tmp_path / "other.so"))
    assert line.startswith("ImportError: cothread was written for ABI 2 of libcothread, but")
    assert line.endswith("has ABI 99.")


def test_a_refused_call_carries_its_code_and_the_librarys_sentence():
    from cothread import _library

    with pytest.raises(LibraryError, match="COTHREAD_EEXIST") as caught:
        _library.Library()  # this thread has a scheduler already
    assert caught.value.code == -5


def test_more_requests_than_the_ring_holds_all_arrive():
    count = _scheduler.core.capacity + 500
    tasks = [cothread.Spawn(lambda n=n: (cothread.Sleep(0.01), n)[1]) for n in range(count)]
    assert cothread.WaitForAll(tasks, 60) == list(range(count))


def test_more_deadlines_than_a_batch_holds_all_wake():
    count = 3 * _scheduler.core.capacity
    moment = cothread.AbsTimeout(0.2)
    tasks = [cothread.Spawn(cothread.Sleep, moment) for _ in range(count)]
    cothread.WaitForAll(tasks, 60)


def test_ctypes_is_in_one_module_only():
    package = Path(cothread.__file__).parent
    assert [path.name for path in package.glob("*.py") if "import ctypes" in path.read_text()] == ["_library.py"]


def test_the_librarys_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(cothread.LibraryError(-3, "what went wrong")))
    assert (error.code, str(error)) == (-3, "what went wrong")
