"""A wire to a Postgres that can go dead, or be cut at the worst moment."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

COMMITTED = b"COMMIT\0"
"""The tag by which Postgres says that a transaction is durable."""

When = Literal["before", "after"]
What = Literal["cut", "hole"]


@dataclass(slots=True)
class Harm:
    """What is to befall the Nth message that a client sends from now on.

    A message is what comes at once; `before` is before Postgres has it, `after` is when
    its answer is on the way back. "cut" ends the connection; after "hole" it stays, and
    swallows everything. `strike`, if there is one, is called at that moment.
    """

    what: What
    when: When
    at: int
    strike: Callable[[], None] | None = None
    seen: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def is_due(self) -> bool:
        """Count a message; return whether it is the one."""
        with self._counting:
            self.seen += 1
            return self.seen == self.at


class Wire:
    """Carries bytes both ways, until told otherwise."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.dead = threading.Event()
        """While set, what comes in is swallowed, and nobody is told."""
        self.cut_at: bytes | None = None
        """An answer that holds this is lost, and with it the connection; once."""
        self.cuts = 0
        self.harm: Harm | None = None
        self.carried_bytes = 0
        """Both ways, since the beginning."""
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
        with client, contextlib.suppress(OSError), self._connect() as server:
            _Line(self, client, server).carry(self._over)


@dataclass(slots=True)
class _Line:
    """One connection on a wire."""

    wire: Wire
    client: socket.socket
    server: socket.socket
    awaited: Harm | None = None
    """Strikes when the next answer comes."""
    is_hole: bool = False

    def carry(self, over: threading.Event) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self.client, selectors.EVENT_READ, self.server)
            ready.register(self.server, selectors.EVENT_READ, self.client)
            while not over.is_set():
                for key, _ in ready.select(0.05):
                    if not self._pass_on(key.fileobj, key.data):
                        return

    def _pass_on(self, source: socket.socket, target: socket.socket) -> bool:
        """Pass on what came; return whether the line is still there."""
        wire, some = self.wire, source.recv(65536)
        if not some:
            return False
        wire.carried_bytes += len(some)
        if wire.dead.is_set() or self.is_hole:
            return True
        if source is self.server and wire.cut_at and wire.cut_at in some:
            wire.cut_at, wire.cuts = None, wire.cuts + 1
            return False
        if (harm := self._harm(source)) is not None:
            if harm.strike is not None:
                harm.strike()
            harm.struck.set()
            self.is_hole = harm.what == "hole"
            return self.is_hole
        target.sendall(some)
        return True

    def _harm(self, source: socket.socket) -> Harm | None:
        """Return what befalls the bytes that came just now, if something does."""
        if source is self.server:
            awaited, self.awaited = self.awaited, None
            return awaited
        harm = self.wire.harm
        if harm is None or not harm.is_due():
            return None
        if harm.when == "before":
            return harm
        self.awaited = harm
        return None


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
