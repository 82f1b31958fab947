"""A control socket with routes of a test's own, and ways to speak to it."""

import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

from expokeep.control.client import Client
from expokeep.control.routes import Limits
from expokeep.control.server import ControlSocket

PATIENCE_S = 10
"""How long a test waits for what must come at once."""


class Served:
    """A running server, seen from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.client = Client(path, PATIENCE_S)

    @contextlib.contextmanager
    def connected(self):
        """A connection that says only what the test says."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(os.fspath(self.path))
            yield connection


@contextlib.contextmanager
def serving(*routes, **limits):
    """Serve routes on a socket that any user can reach."""
    limits = {"graceful_s": 1, **limits}
    directory = Path(tempfile.mkdtemp(prefix="keep-control-", dir="/tmp"))
    directory.chmod(0o755)
    path = directory / "control.sock"
    try:
        with ControlSocket(path, 0o666, None, routes, Limits(**limits)):
            yield Served(path)
    finally:
        shutil.rmtree(directory)


def received(connection):
    """Everything until the other side hangs up."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)
