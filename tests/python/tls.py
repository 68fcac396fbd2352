# SPDX-License-Identifier: Apache-2.0
"""A certificate for localhost and 127.0.0.1, made once for a run of tests, and contexts that use it."""

import functools
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

_directory = tempfile.TemporaryDirectory()


@functools.cache
def certificate():
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    path = Path(_directory.name) / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-days", "2", "-keyout", path, "-out", path.with_suffix(".crt")),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    with open(path, "ab") as both:
        both.write(path.with_suffix(".crt").read_bytes())
    return str(path)


def contexts():
    """For the server and for the client."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate())
    client = ssl.create_default_context(cafile=certificate())
    return server, client
