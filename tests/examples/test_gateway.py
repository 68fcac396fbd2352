# SPDX-License-Identifier: Apache-2.0
"""The gateways of bindings/c/examples and bindings/python/examples: run, killed, stopped under load, starved."""

from __future__ import annotations

import contextlib
import pathlib
import re
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from programs import BOUND, Peer, Program

# How an instrument behaves: its number, and a connection to it.
Behaviour = Callable[[int, socket.socket], None]


def answers(number: int, connection: socket.socket) -> None:
    for _ in connection.makefile("rb"):
        connection.sendall(b"%d.5\n" % number)


class Instruments:
    """Instruments at 127.0.1.1, 127.0.1.2, ..., all at one port."""

    def __init__(self, count: int) -> None:
        self.listener = socket.create_server(("0.0.0.0", 0), backlog=256)
        port = self.listener.getsockname()[1]
        self.names = [f"127.0.1.{i + 1}:{port}" for i in range(count)]
        self.behaviours: dict[int, Behaviour] = {}
        self.connections: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            number = int(connection.getsockname()[0].split(".")[3]) - 1
            self.behaviours.get(number, answers)(number, connection)

    def break_all(self) -> None:
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def instruments(count: int) -> Iterator[Instruments]:
    made = Instruments(count)
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()


class Gateway(Program):
    def __init__(
        self, place: pathlib.Path, names: list[str], period: int = 20, descriptors: int = 0
    ) -> None:
        self.archive = place / "archive"
        super().__init__("gateway", 0, self.archive, period, *names, descriptors=descriptors)
        self.port = int(self.wait_for("listening on").split(":")[1])

    def archived(self) -> list[str]:
        text = self.archive.read_text()
        assert text.endswith("\n")
        lines = text.splitlines()
        for line in lines:
            assert re.fullmatch(r"\d+ (127\.0\.1\.\d+:\d+|board) \d+(\.5)?", line), line
        return lines


def readings_of_all(peer: Peer, names: list[str]) -> None:
    missing = set(names)
    while missing:
        missing.discard(peer.line().split()[0])


def test_fifty_instruments_and_the_board_are_read_and_archived(tmp_path: pathlib.Path) -> None:
    with instruments(50) as made, Gateway(tmp_path, made.names) as gateway:
        peer, other = Peer(gateway.port), Peer(gateway.port)
        assert peer.ask("dance") == ["error: list, subscribe NAME or subscribe *"]
        assert peer.ask("subscribe nobody") == ["error: list, subscribe NAME or subscribe *"]
        other.ask(f"subscribe {made.names[7]}")
        assert {other.line() for _ in range(5)} == {f"{made.names[7]} 7.5"}
        assert len(peer.ask("list")) == 52
        assert peer.ask("subscribe *")[-1] == "ok"
        readings_of_all(peer, [*made.names, "board"])
        told = {peer.line().split()[0] for _ in range(100)}
        gateway.ends_cleanly()
        archived = {line.split()[1] for line in gateway.archived()}
        assert archived == {*made.names, "board"}
        assert told <= archived


# The words of the library and of the package for the same thing.
LATE = {"c": "deadline", "python": "Timed out"}
NO_DESCRIPTOR = {"c": "descriptor", "python": "Too many open files"}


def stalls(number: int, connection: socket.socket) -> None:
    connection.makefile("rb").read()


def stalls_in_the_middle(number: int, connection: socket.socket) -> None:
    connection.sendall(b"12")
    connection.makefile("rb").read()


def resets(number: int, connection: socket.socket) -> None:
    connection.recv(100)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes(number: int, connection: socket.socket) -> None:
    connection.recv(100)


def babbles(number: int, connection: socket.socket) -> None:
    connection.sendall(b"x" * 1000)
    connection.makefile("rb").read()


def jokes(number: int, connection: socket.socket) -> None:
    for _ in connection.makefile("rb"):
        connection.sendall(b"twelve\n")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (stalls, LATE),
        (stalls_in_the_middle, LATE),
        (resets, {}),
        (closes, {}),
        (babbles, {}),
        (jokes, {"c": "no number", "python": "no number"}),
    ],
)
def test_an_instrument_that_fails_is_connected_to_again(
    tmp_path: pathlib.Path, language: str, behaviour: Behaviour, words: dict[str, str]
) -> None:
    word = words.get(language, "")
    with instruments(3) as made:
        made.behaviours[1] = behaviour
        with Gateway(tmp_path, made.names) as gateway:
            gateway.wait_for(made.names[1], word, "again in 100 ms")
            gateway.wait_for(made.names[1], word, "again in 200 ms")
            del made.behaviours[1]
            peer = Peer(gateway.port)
            peer.ask("subscribe *")
            readings_of_all(peer, [*made.names, "board"])
            gateway.ends_cleanly()


def test_an_instrument_that_is_not_there_is_tried_again(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.1.1", 0)) as server:
        port = server.getsockname()[1]
    with Gateway(tmp_path, [f"127.0.1.1:{port}"]) as gateway:
        gateway.wait_for("again in 100 ms")
        gateway.wait_for("again in 200 ms")
        gateway.ends_cleanly()


def test_a_client_that_does_not_read_delays_nobody_and_is_told_what_it_missed(
    tmp_path: pathlib.Path,
) -> None:
    with instruments(50) as made, Gateway(tmp_path, made.names, period=1) as gateway:
        slow, quick = socket.socket(), Peer(gateway.port)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect(("127.0.0.1", gateway.port))
        slow.settimeout(BOUND)
        slow.sendall(b"subscribe *\n")
        slow.recv(3)
        quick.ask("subscribe board")
        for _ in range(300):
            assert quick.line().startswith("board ")
        teller, readings = Peer(gateway.port), 0
        while readings < 20000:  # more than the system holds for a client
            readings = sum(int(line.split()[-1]) for line in teller.ask("list")[:-1])
        lines = slow.makefile("rb")
        while not lines.readline().startswith(b"lost "):
            pass
        gateway.ends_cleanly()


def test_sigkill_leaves_an_archive_that_the_next_one_goes_on_with(tmp_path: pathlib.Path) -> None:
    with instruments(3) as made:
        with Gateway(tmp_path, made.names) as first:
            peer = Peer(first.port)
            peer.ask("subscribe *")
            while not first.archive.stat().st_size:
                peer.line()
            first.signal(signal.SIGKILL)
            first.ends(-signal.SIGKILL)
        kept = first.archive.read_text()
        kept = kept[: kept.rindex("\n") + 1]
        with open(first.archive, "a") as archive:
            archive.write("1234 torn")
        with Gateway(tmp_path, made.names) as second:
            peer = Peer(second.port)
            peer.ask("subscribe *")
            readings_of_all(peer, [*made.names, "board"])
            second.ends_cleanly()
            assert second.archive.read_text().startswith(kept)
            assert "torn" not in second.archive.read_text()
            assert len(second.archived()) > kept.count("\n")


@pytest.mark.parametrize("readings", [1, 10, 3000])
def test_sigkill_under_load_tears_one_line_at_most(tmp_path: pathlib.Path, readings: int) -> None:
    with instruments(50) as made:
        with Gateway(tmp_path, made.names, period=1) as first:
            peers = [Peer(first.port) for _ in range(5)]
            for peer in peers:
                peer.ask("subscribe *")
            for _ in range(readings):
                peers[0].line()
            first.signal(signal.SIGKILL)
            first.ends(-signal.SIGKILL)
            for peer in peers:
                with contextlib.suppress(EOFError, ConnectionError):
                    while True:
                        peer.line()
                peer.close()
        kept = first.archive.read_text()
        kept = kept[: kept.rfind("\n") + 1]
        with Gateway(tmp_path, made.names) as second:
            peer = Peer(second.port)
            peer.ask("subscribe *")
            readings_of_all(peer, [*made.names, "board"])
            second.ends_cleanly()
            assert second.archive.read_text().startswith(kept)
            assert len(second.archived()) > kept.count("\n")  # and each line is whole


def test_stops_cleanly_under_load(tmp_path: pathlib.Path) -> None:
    with instruments(50) as made:
        made.behaviours[3] = stalls
        made.behaviours[4] = resets
        with Gateway(tmp_path, made.names, period=1) as gateway:
            peers = [Peer(gateway.port) for _ in range(20)]
            for peer in peers:
                peer.ask("subscribe *")
            for peer in peers[:10]:  # the others do not read
                for _ in range(1000):
                    peer.line()
            gateway.ends_cleanly()
            assert len(gateway.archived()) > 1000
            for peer in peers:
                with contextlib.suppress(EOFError, ConnectionError):
                    while True:
                        peer.line()
                peer.close()


def test_recovers_from_a_lack_of_descriptors(tmp_path: pathlib.Path, language: str) -> None:
    with instruments(5) as made, Gateway(tmp_path, made.names, descriptors=40) as gateway:
        peers = [Peer(gateway.port) for _ in range(40)]  # the backlog takes them all
        gateway.wait_for("clients have to wait")
        if language == "c":  # a thread of Python's, which writes the other archive, takes no descriptor
            gateway.wait_for("archive:", "descriptor")
        made.behaviours[2] = closes  # again and again, until a client has got its descriptor
        made.break_all()
        gateway.wait_for(made.names[2], NO_DESCRIPTOR[language], "again in")
        del made.behaviours[2]
        for peer in peers[:35]:
            peer.close()
        for peer in peers[35:]:
            assert peer.ask("subscribe board")[-1] == "ok"
            for _ in range(20):
                peer.line()
        peers[-1].ask("subscribe *")
        readings_of_all(peers[-1], made.names)
        gateway.ends_cleanly()
        numbers = [float(line.split()[2]) for line in gateway.archived() if " board " in line]
        assert numbers == sorted(set(numbers))  # nothing twice, nothing out of order
