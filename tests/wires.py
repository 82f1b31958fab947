"""A wire to a Postgres that can go dead, or be cut at the worst moment."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

COMMITTED = b"COMMIT\0"
"""The tag by which Postgres says that a transaction is durable."""


class Wire:
    """Carries bytes both ways, until told otherwise."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.dead = threading.Event()
        """While set, what comes in is swallowed, and nobody is told."""
        self.cut_at: bytes | None = None
        """An answer that holds this is lost, and with it the connection; once."""
        self.cuts = 0
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def start(self) -> None:
        self._spawn(self._accept)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _spawn(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._spawn(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        with client, self._connect() as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while not self._over.is_set():
                for key, _ in ready.select(0.05):
                    if not self._pass_on(key.fileobj, key.data, server):
                        return

    def _pass_on(
        self, source: socket.socket, target: socket.socket, server: socket.socket
    ) -> bool:
        try:
            some = source.recv(65536)
            if self.dead.is_set():
                return bool(some)
            if source is server and self.cut_at and self.cut_at in some:
                self.cut_at, self.cuts = None, self.cuts + 1
                return False
            target.sendall(some)
        except OSError:
            return False
        return bool(some)


@contextlib.contextmanager
def wire_to(dsn: str) -> Iterator[tuple[Wire, str]]:
    """Lay a wire to a Postgres; gives it, and the DSN that leads through it."""
    there = conninfo_to_dict(dsn)
    host, port = str(there["host"]), int(there.get("port") or 5432)

    def connect() -> socket.socket:
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        unix = socket.socket(socket.AF_UNIX)
        unix.connect(str(Path(host) / f".s.PGSQL.{port}"))
        return unix

    wire = Wire(connect)
    wire.start()
    try:
        yield wire, make_conninfo(dsn, host="127.0.0.1", port=wire.port)
    finally:
        wire.stop()
