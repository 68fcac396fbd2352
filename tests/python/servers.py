# SPDX-License-Identifier: Apache-2.0
"""Small servers made of the standard library's modules. Each handles a connection on a thread or in a task, as its
mix-in says. `crowd` counts the connections that are open at a time."""

import http.server
import socketserver
import xmlrpc.server


class Crowd:
    """How many are here, and how many at most. A handler waits at `gate` until all have come."""

    def __init__(self, gate):
        self.here = self.most = 0
        self.gate = gate

    def __enter__(self):
        self.here += 1
        self.most = max(self.most, self.here)
        self.gate()

    def __exit__(self, *_):
        self.here -= 1


class HTTPHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.crowd:
            self.answer(self.path.encode() * 1000)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])).upper())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class XMLRPCHandler(xmlrpc.server.SimpleXMLRPCRequestHandler):
    def do_POST(self):
        with self.server.crowd:
            super().do_POST()


class SMTPHandler(socketserver.StreamRequestHandler):
    def handle(self):
        with self.server.crowd:
            self.say(b"220 ready")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.say(b"354 go on")
                    text = b""
                    while not text.endswith(b"\r\n.\r\n"):
                        text += self.rfile.readline()
                    self.server.mails.append(text)
                self.say(b"250 fine" if verb != b"QUIT" else b"221 bye")
                if verb == b"QUIT":
                    break

    def say(self, line):
        self.wfile.write(line + b"\r\n")


class FTPHandler(socketserver.StreamRequestHandler):
    def handle(self):
        with self.server.crowd:
            self.say("220 ready")
            data = None
            for line in self.rfile:
                verb, _, argument = line.decode().strip().partition(" ")
                if verb == "USER":
                    self.say("331 and the password?")
                elif verb == "PASS":
                    self.say("230 welcome")
                elif verb == "EPSV":
                    data = self.server.listen()
                    self.say(f"229 entering (|||{data.getsockname()[1]}|)")
                elif verb == "PASV":
                    data = self.server.listen()
                    port = data.getsockname()[1]
                    self.say(f"227 entering (127,0,0,1,{port >> 8},{port & 255})")
                elif verb == "RETR":
                    self.say("150 here it comes")
                    accepted, _ = data.accept()
                    data.close()
                    with accepted:
                        accepted.sendall(argument.encode() * 10_000)
                    self.say("226 done")
                elif verb == "QUIT":
                    self.say("221 bye")
                    break
                else:
                    self.say("200 as you like")

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")
