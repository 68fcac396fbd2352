# SPDX-License-Identifier: Apache-2.0
"""Clients and servers of the standard library, unmodified, below the hooks: a hundred of each at a time.

Each request is answered only when all hundred have come, so one client that blocks the thread hangs the test.
"""

import tls

# What the scripts begin with. The servers run on threads, whose waits are the standard library's: there the hooks must
# change nothing.
BEGIN = """
    import cothread
    cothread.patch_all()
    import socket, socketserver, sys, threading
    sys.path.append("")  # this directory
    import servers

    COUNT = 100
    barrier = threading.Barrier(COUNT)

    def serve(handler, base=socketserver.TCPServer, wrap=None):
        class Server(socketserver.ThreadingMixIn, base):
            daemon_threads = True
            block_on_close = False
            request_queue_size = COUNT
            allow_reuse_address = True
            crowd = servers.Crowd(lambda: barrier.wait(60))
            mails = []
            def listen(self):
                return socket.create_server(("127.0.0.1", 0))
        server = Server(("127.0.0.1", 0), handler)
        if wrap:
            server.socket = wrap(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def crowd(client):
        tasks = [cothread.Spawn(client, number, raise_on_wait=True) for number in range(COUNT)]
        for task in tasks:
            task.Wait(60)
        print("done")
"""


def run(run_script, body):
    done = run_script(BEGIN + body)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_http_client(run_script):
    run(
        run_script,
        """
    import http.client, http.server
    port = serve(servers.HTTPHandler, http.server.HTTPServer).server_address[1]

    def client(number):
        connection = http.client.HTTPConnection("localhost", port, timeout=60)
        connection.request("GET", f"/{number}")
        assert connection.getresponse().read() == f"/{number}".encode() * 1000
        connection.request("POST", "/", body=b"kept alive " * 1000)
        assert connection.getresponse().read() == b"KEPT ALIVE " * 1000
        connection.close()

    crowd(client)
    """,
    )


def test_urllib(run_script):
    run(
        run_script,
        """
    import http.server, urllib.request, urllib.error
    port = serve(servers.HTTPHandler, http.server.HTTPServer).server_address[1]

    def client(number):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=60) as answer:
            assert answer.read() == f"/{number}".encode() * 1000
        try:
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/", method="PUT"), timeout=60)
        except urllib.error.HTTPError as error:
            assert error.code == 501
            error.close()

    crowd(client)
    """,
    )


def test_urllib_by_tls(run_script):
    path = tls.certificate()
    run(
        run_script,
        f"""
    import http.server, ssl, urllib.request
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain({path!r})
    port = serve(servers.HTTPHandler, http.server.HTTPServer, wrap=context.wrap_socket).server_address[1]
    trusting = ssl.create_default_context(cafile={path!r})

    def client(number):
        with urllib.request.urlopen(f"https://localhost:{{port}}/{{number}}", timeout=60, context=trusting) as answer:
            assert answer.read() == f"/{{number}}".encode() * 1000

    crowd(client)
    """,
    )


def test_xmlrpc(run_script):
    run(
        run_script,
        """
    import xmlrpc.client, xmlrpc.server

    class XMLRPCServer(xmlrpc.server.SimpleXMLRPCServer):
        def __init__(self, address, handler):
            super().__init__(address, handler, logRequests=False)

    server = serve(servers.XMLRPCHandler, XMLRPCServer)
    server.register_function(lambda a, b: a * b, "multiply")
    port = server.server_address[1]

    def client(number):
        with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}") as proxy:
            assert proxy.multiply(number, 7) == number * 7

    crowd(client)
    """,
    )


def test_smtplib(run_script):
    run(
        run_script,
        """
    import smtplib
    server = serve(servers.SMTPHandler)
    port = server.server_address[1]

    def client(number):
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as mail:
            mail.sendmail("me@example.com", ["you@example.com"], f"Subject: {number}\\r\\n\\r\\nhello")

    crowd(client)
    assert len(server.mails) == COUNT
    """,
    )


def test_ftplib(run_script):
    run(
        run_script,
        """
    import ftplib
    port = serve(servers.FTPHandler).server_address[1]

    def client(number):
        with ftplib.FTP(timeout=60) as ftp:
            ftp.connect("127.0.0.1", port)
            ftp.login()
            parts = []
            ftp.retrbinary(f"RETR {number}", parts.append)
            assert b"".join(parts) == str(number).encode() * 10_000

    crowd(client)
    """,
    )


def test_asyncio_in_a_task_lets_the_others_run(run_script):
    done = run_script(
        """
        import cothread
        cothread.patch_all()
        import asyncio

        async def main():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\\n")
            line = await reader.readline()
            writer.close()
            return line

        import socket
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]

        def serve():
            sock, _ = listener.accept()
            with sock:
                sock.sendall(sock.recv(100).upper())

        task = cothread.Spawn(serve, raise_on_wait=True)
        print(asyncio.run(main()))
        task.Wait(60)
        """
    )
    assert done.stdout == "b'HELLO\\n'\n"
