"""Who checks and drills for a verb: the daemon, or the engine in this process."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from expokeep.cli.asking import client
from expokeep.cli.options import Options
from expokeep.control.client import Client

Line = dict[str, Any]
"""A document, as JSON has it."""


class Proving(Protocol):
    """Proves what is kept, and tells about it line by line."""

    def check(self, session: str | None, read: str | None) -> Iterator[Line]:
        """Check everything, or one session."""
        ...

    def drill(self, version: str | None, count: int) -> Iterator[Line]:
        """Drill a version, or so many at random."""
        ...


@contextlib.contextmanager
def proving(options: Options) -> Iterator[Proving]:
    """Hold whom to ask: as the caller chose, never one instead of the other."""
    if options.direct:
        from expokeep.cli.proving_direct import direct  # noqa: PLC0415 - the drivers

        with direct(options) as engine:
            yield engine
        return
    yield _Remote(client(options))


@dataclass(frozen=True, slots=True)
class _Remote:
    client: Client

    def check(self, session: str | None, read: str | None) -> Iterator[Line]:
        """Check everything, or one session."""
        body = {"session": session, "read": read}
        return self.client.lines("POST", "/v1/check", body)

    def drill(self, version: str | None, count: int) -> Iterator[Line]:
        """Drill a version, or so many at random."""
        body = {"version": version, "random": count}
        return self.client.lines("POST", "/v1/drills", body)
