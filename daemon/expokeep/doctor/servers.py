"""Postgres: whether it answers, is what we need, and knows only one of us."""

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from expokeep import clock, wiring
from expokeep.catalog.base import Catalog
from expokeep.catalog.examining import Examining, Server
from expokeep.doctor.values import Check
from expokeep.errors import AccessDenied, BackendUnreachable, ExpokeepError
from expokeep.settings.values import Settings

SKEW_WARN_S = 5.0
_OLDEST_VERSION = 140_000
_SPARE = 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Ourselves:
    """Who asks: a daemon that runs."""

    host: uuid.UUID
    began_at: datetime.datetime


def postgres(
    settings: Settings, catalog: Catalog, ourselves: Ourselves | None
) -> Iterator[Check]:
    """Look at Postgres; of one that does not answer, say only that."""
    try:
        before = clock.now()
        theirs = catalog.server_time()
        off_s = (theirs - before - (clock.now() - before) / 2).total_seconds()
        status = catalog.schema_status()
    except ExpokeepError as error:
        yield Check("postgres", "error", str(error), hint_of(error))
        return
    yield Check("postgres", "ok", "it answers")
    yield _schema(status.found, status.known, status.pending)
    yield skew("clock", off_s, "Postgres' clock")
    examining = wiring.examining_of(catalog)
    if examining is None:
        return
    try:
        yield from _server(settings, examining.server())
        yield _rights(examining)
        if ourselves is not None:
            yield _host(examining, ourselves, off_s)
    except ExpokeepError as error:
        yield Check("postgres", "error", str(error), hint_of(error))


def hint_of(error: ExpokeepError) -> str:
    """Return what helps somebody who has asked us already."""
    if error.hint != type(error).hint:
        return error.hint  # it says more than its kind
    if isinstance(error, BackendUnreachable):
        return (
            "`expokeep config show --sources` says where it is looked for. See "
            "RUNBOOK, `The bucket or Postgres does not answer`; captures wait in the "
            "spool."
        )
    if isinstance(error, AccessDenied):
        return (
            "`expokeep config show --sources` says where its credentials come from. "
            "See RUNBOOK, `Credentials or settings are wrong`."
        )
    return error.hint


def skew(name: str, off_s: float, whose: str, *, at_least_s: float = 0.0) -> Check:
    """Look at how far our clock is from another one."""
    detail = f"{max(0.0, abs(off_s) - at_least_s):.1f} s from {whose}"
    if abs(off_s) - at_least_s > SKEW_WARN_S:
        hint = "Synchronize this host's clock: `timedatectl set-ntp true`."
        return Check(name, "warning", detail, hint)
    return Check(name, "ok", detail)


def _schema(found: int, known: int, pending: tuple[str, ...]) -> Check:
    if found > known:
        detail = f"version {found}, and this program knows {known}"
        hint = "A newer expokeep made it: install that release here too."
        return Check("schema", "error", detail, hint)
    if pending:
        hint = "`expokeep db migrate`, with a role that may change the schema."
        return Check("schema", "warning", f"{len(pending)} pending", hint)
    return Check("schema", "ok", f"version {found}")


def _server(settings: Settings, server: Server) -> Iterator[Check]:
    major = server.version // 10_000
    if server.version < _OLDEST_VERSION:
        hint = f"Upgrade it: we need {_OLDEST_VERSION // 10_000} or newer."
        yield Check("postgres version", "error", str(major), hint)
    else:
        yield Check("postgres version", "ok", str(major))
    if server.is_read_only:
        hint = "Name the primary in database.url; a standby takes no writes."
        yield Check("postgres role", "error", "it takes no writes", hint)
    else:
        yield Check("postgres role", "ok", "it takes writes")
    yield _connections(settings.database.pool_size, server)
    if not server.is_durable:
        hint = "Set `fsync = on` and `full_page_writes = on`: versions count on it."
        detail = "a power cut loses what it has acknowledged"
        yield Check("postgres durability", "warning", detail, hint)
    else:
        yield Check("postgres durability", "ok", "fsync and full_page_writes are on")
    if not server.is_private:
        hint = "Add `?sslmode=require` (better: verify-full) to database.url."
        detail = "the connection is not encrypted, and leaves this machine"
        yield Check("postgres encryption", "warning", detail, hint)
    else:
        yield Check("postgres encryption", "ok", "local, or encrypted")


def _connections(pool_size: int, server: Server) -> Check:
    left = server.connections - server.connected
    detail = f"{server.connected} of {server.connections} in use, we take {pool_size}"
    if server.connections < pool_size + _SPARE or left < _SPARE:
        hint = "Raise max_connections of Postgres, or lower database.pool-size."
        return Check("postgres connections", "warning", detail, hint)
    return Check("postgres connections", "ok", detail)


def _rights(examining: Examining) -> Check:
    closed, schema = examining.closed(), examining.database.schema
    if closed:
        detail = f"the role may not write {', '.join(closed[:_SHOWN])}"
        hint = (
            f'`GRANT USAGE ON SCHEMA "{schema}" TO ROLE; GRANT SELECT, INSERT, UPDATE, '
            f'DELETE ON ALL TABLES IN SCHEMA "{schema}" TO ROLE;`, and the sequences.'
        )
        return Check("postgres rights", "error", detail, hint)
    return Check("postgres rights", "ok", f"all tables of {schema}")


def _host(examining: Examining, ourselves: Ourselves, off_s: float) -> Check:
    began_at = ourselves.began_at + datetime.timedelta(seconds=off_s)
    twins = examining.twins(ourselves.host, began_at)
    if twins:
        detail = f"another daemon acts as this host, from {', '.join(twins)}"
        hint = (
            "A machine was cloned with its state directory: stop the daemon on one, "
            "remove `host-id` there, start it again."
        )
        return Check("host id", "error", detail, hint)
    return Check("host id", "ok", str(ourselves.host))
