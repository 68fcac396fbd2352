# SPDX-License-Identifier: Apache-2.0
"""The ceiling for a TCP echo in Python: a plain loop on select.epoll, no tasks, no deadlines, nothing else."""

from __future__ import annotations

import select
import socket


def echo(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                poller.register(connection, select.EPOLLIN)
            elif data := connections[descriptor].recv(4096):
                connections[descriptor].send(data)
            else:
                connections.pop(descriptor).close()
