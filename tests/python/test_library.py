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
    assert line.startswith(f"ImportError: COTHREAD_LIBRARY is '{tmp_path}/nowhere.so', which cannot be loaded: ")


def test_another_library_is_named(tmp_path):
    source = tmp_path / "other.c"
    source.write_text("int other;\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "other.so", source], check=True)
    line = last_line(import_with(tmp_path / "other.so"))
    assert line.startswith(f"ImportError: '{tmp_path}/other.so' is not libcothread")


def test_a_library_of_another_abi_is_refused(tmp_path):
    source = tmp_path / "other.c"
    source.write_text("int cothread_abi(void) { return 99; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "other.so", source], check=True)
    line = last_line(import_with(tmp_path / "other.so"))
    assert line.startswith("ImportError: cothread was written for ABI 2 of libcothread, but")
    assert line.endswith("has ABI 99.")


def test_a_refused_call_carries_its_code_and_the_librarys_sentence():
    with pytest.raises(LibraryError, match="COTHREAD_EHANDLE: ") as caught:
        _scheduler.core.close(12345)
    assert caught.value.code == -2


def test_more_requests_than_the_ring_holds_all_arrive():
    count = _scheduler.core.capacity + 500
    tasks = [cothread.Spawn(lambda n=n: (cothread.Sleep(0.01), n)[1]) for n in range(count)]
    assert cothread.WaitForAll(tasks, 60) == list(range(count))


def test_more_deadlines_than_a_batch_holds_all_wake():
    count = 3 * _scheduler.core.capacity
    moment = cothread.AbsTimeout(0.2)
    tasks = [cothread.Spawn(cothread.Sleep, moment) for _ in range(count)]
    cothread.WaitForAll(tasks, 60)


def test_the_version_is_the_packages_and_goes_on_from_the_originals():
    project = Path(cothread.__file__).parents[1] / "pyproject.toml"
    assert f'\nversion = "{cothread.__version__}"\n' in project.read_text()
    assert int(cothread.__version__.split(".")[0]) > 2


def test_ctypes_is_in_one_module_only():
    package = Path(cothread.__file__).parent
    assert [path.name for path in package.glob("*.py") if "import ctypes" in path.read_text()] == ["_library.py"]


def test_the_librarys_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(cothread.LibraryError(-3, "what went wrong")))
    assert (error.code, str(error)) == (-3, "what went wrong")


IN_A_SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreters.run_string(interpreters.create(), '''
try:
    import cothread
except ImportError as error:
    print(type(error).__name__, error, flush=True)
''')
"""


def test_another_interpreter_is_told_that_it_is_not_the_main_one(run_script):
    said = run_script(IN_A_SUBINTERPRETER).stdout
    ours, pythons = "cothread works in the main interpreter only", "does not support loading in subinterpreters"
    assert ours in said or pythons in said


def test_replaced_identities_of_threads_are_noticed(run_script):
    done = run_script(
        """
        import _thread
        def get_ident():
            return 1
        get_ident.__module__ = "gevent.thread"
        _thread.get_ident = get_ident
        import cothread
        """,
        code=1,
    )
    assert done.stderr.splitlines()[-1] == (
        "ImportError: cothread runs its tasks by threads' identities, which gevent.thread has replaced: "
        "import cothread before gevent's monkey.patch_all()"
    )


def test_an_interpreter_without_its_lock_is_told_how_to_get_one(run_script):
    done = run_script("import sys; sys._is_gil_enabled = lambda: False; import cothread", code=1)
    assert done.stderr.splitlines()[-1].endswith("start it with -X gil=1 or PYTHON_GIL=1")


def test_a_second_copy_is_refused_and_the_first_one_goes_on(run_script):
    done = run_script(
        """
        import importlib, sys
        import cothread
        first = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "cothread"}
        for name in first:
            del sys.modules[name]
        try:
            import cothread as second
        except ImportError as error:
            print(error)
        sys.modules.update(first)
        try:
            importlib.reload(sys.modules["cothread._scheduler"])
        except ImportError as error:
            print(error)
        importlib.reload(cothread)
        print(cothread.Spawn(lambda: (cothread.Sleep(0.001), 42)[1]).Wait())
        """
    )
    assert done.stdout.splitlines() == [
        "cothread was imported in this thread before, and deleted from sys.modules: it cannot be loaded twice, "
        "so put that module back",
        "cothread._scheduler cannot be reloaded: tasks run in it",
        "42",
    ]
