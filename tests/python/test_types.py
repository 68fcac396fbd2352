# SPDX-License-Identifier: Apache-2.0
"""What type checkers are told."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import socket, threading
    from typing import Any, Union
    from typing_extensions import assert_type
    from cothread import (
        CallbackQueue, Connection, Deliveries, Event, EventQueue, FileChange, FileWatch, Job, Listener, Pool, Process,
        Timer, connect, listen, offload, signals, wait,
    )

    def function(number: int, word: str = "") -> bytes:
        return word.encode() * number

    def waits(file: socket.socket, event: Event, queue: EventQueue, process: Process) -> None:
        assert_type(wait([process]), list[tuple[Process, Union[int, OSError]]])
        assert_type(wait([Job(function, 1)]), list[tuple[Job[bytes], Union[bytes, BaseException]]])
        assert_type(wait([Timer(1)]), list[tuple[Timer, int]])
        for pair, bits in wait([(file, "r"), (7, "w")], 5.0):
            assert_type(bits, int)
        assert_type(wait([signals(1)]), list[tuple[signals, Union[dict[int, Deliveries], ValueError]]])
        assert_type(wait([FileWatch(".", "written")]), list[tuple[FileWatch, Union[FileChange, OSError]]])
        assert_type(wait([CallbackQueue(5, "refuse")]), list[tuple[CallbackQueue, int]])
        FileWatch(".", "changed")  # E
        CallbackQueue(5, "forget")  # E
        for item, value in wait([event, queue, process, Timer(1), threading.Thread(), signals(1)], (None,)):
            assert_type(value, Any)
        for one, _ in wait([event]):
            assert_type(one, Event)
        wait([(file, "x")])  # E
        wait([None])  # E
        wait([event], "soon")  # E
        assert_type(process.wait(), int)
        if process.stdout is not None:
            wait([(process.stdout, "r"), process, event])

    def connections(connection: Connection, listener: Listener, stop: Event) -> None:
        for (thing, mode), bits in wait([(connection, "r"), (connection, "w"), (listener, "r")], 1):
            assert_type(bits, int)
        wait([(connection, "r"), stop])
        with listen(("", 0)) as listening, connect("path", timeout=1.5) as connected:
            assert_type(listening, Listener)
            for peer in listening:
                assert_type(peer, Connection)
            for line in connected:
                assert_type(line, bytes)
            connected.recv(timeout=(None,))
            connected.recv(timeout="soon")  # E
            connect("path", "soon")  # E
            listening.accept("soon")  # E

    def calls() -> None:
        assert_type(offload(function, 1, word="x"), bytes)
        assert_type(offload(function, 1, pool=Pool()), bytes)
        assert_type(Job(function, 1).Wait(), bytes)
        offload(function, "1")  # E
        offload(function, 1, words="x")  # E
"""


def test_a_type_checker_knows_what_comes_out_and_what_may_go_in(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    lines = textwrap.dedent(PROGRAM)
    program.write_text(lines)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={tmp_path}/cache", program],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).resolve().parents[2] / "bindings" / "python",
    )
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    wanted = {number for number, line in enumerate(lines.splitlines(), 1) if line.endswith("# E")}
    assert found == wanted, done.stdout + done.stderr
