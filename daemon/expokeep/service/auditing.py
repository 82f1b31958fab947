"""Writes down who destroys something or changes rights, before it is done and after.

It stands around the table of routes: what changes something is audited unless it is
named here as harmless, so that nobody can forget a new one. Whoever may do nothing to
others is written down only once it did something: nobody fills a table with refusals.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from expokeep.catalog.auditing import Act, Ending, PostgresAudit
from expokeep.control.routes import Call, Document, Lines, Reply, Route
from expokeep.errors import ExpokeepError
from expokeep.log import get, redacted
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights

log = get(__name__)

HARMLESS = frozenset(
    {
        "/v1/sessions/{session}/save",
        "/v1/versions/{ref}/blobs",
        "/v1/versions/{ref}/pin",
        "/v1/arrivals",
        "/v1/restores",
        "/v1/flush",
        "/v1/check",
        "/v1/drills",
        "/v1/shares/show",
    }
)
"""What adds, or only looks, though it is a POST."""

BY_FORCE = frozenset({"/v1/sessions/{session}/save", "/v1/arrivals"})
"""Of these, what is not harmless where it takes a session from another host."""

_ANSWERED = ("session", "version", "shares")
"""What an answer says of what was meant: a request may have named it by a secret."""

MOST_BYTES = 4096
"""Of what a request said; more is left out."""
_LONGEST_NAME = 36
"""Of what stands in a path and is neither a session nor a version: a UUID. What is
longer may be a token, and is masked."""
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Auditing:
    """Covers routes."""

    parts: Parts
    rights: Rights
    audit: PostgresAudit | None
    """None where no database is configured: then only the log tells."""

    def covering(self, route: Route) -> Route:
        """Return a route that writes down what is done by it, if that needs to be."""
        if route.method == "GET" or route.pattern in HARMLESS - BY_FORCE:
            return route
        action = f"{route.method} {route.pattern}"

        def handler(call: Call) -> Reply:
            said = _said(call)
            if _is_harmless(route, said):
                return route.handler(call)
            entry = _Entry(self, _act(self._host, action, call, _kept(said)))
            if self.rights.caller(call.peer).uid is None:
                entry.begin()
            return _followed(entry, route, call)

        return replace(route, handler=handler)

    @property
    def _host(self) -> str:
        return self.parts.engine.host.name

    def begin(self, act: Act) -> int | None:
        """Write an act down; None if nobody takes it."""
        try:
            return None if self._is_away else self._table.begin(act)
        except ExpokeepError as error:
            log.warning("audit not written", action=act.action, error=str(error))
            return None

    def end(self, number: int, ending: Ending) -> None:
        """Write down how it ended."""
        try:
            self._table.end(number, ending)
        except ExpokeepError as failure:
            log.warning("audit not written", number=number, error=str(failure))

    @property
    def _table(self) -> PostgresAudit:
        assert self.audit is not None  # noqa: S101 - asked for by `_is_away`
        return self.audit

    @property
    def _is_away(self) -> bool:
        return self.audit is None or self.parts.catalog_error is not None


@dataclass(slots=True)
class _Entry:
    """One act on its way into the table."""

    auditing: Auditing
    act: Act
    number: int | None = None
    _is_over: bool = field(default=False)

    def begin(self) -> None:
        """Write it down, though it is not done yet."""
        self.number = self.auditing.begin(self.act)

    def end(self, ending: Ending) -> None:
        """Write down how it ended; the first who says it is right."""
        if self._is_over:
            return
        self._is_over = True
        act = self.act
        log.info(
            "audited",
            action=act.action,
            subject=act.subject,
            uid=act.uid,
            user=act.username,
            exit_code=ending.exit_code,
            **ending.answered,
        )
        if self.number is None and ending.exit_code == 0:
            self.begin()
        if self.number is not None:
            self.auditing.end(self.number, ending)


def _followed(entry: _Entry, route: Route, call: Call) -> Reply:
    """Do what is asked, and see how it ends."""
    try:
        reply = route.handler(call)
    except ExpokeepError as error:
        entry.end(Ending(error.exit_code, str(error)))
        raise
    except Exception:
        entry.end(Ending(1, "a fault in expokeep"))
        raise
    if isinstance(reply, Lines):
        return Lines(_until_its_end(entry, reply.objects))
    if isinstance(reply, Document):
        entry.end(Ending(0, None, _answered(reply)))
    return reply


def _until_its_end(entry: _Entry, objects: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from objects
    except ExpokeepError as error:
        entry.end(Ending(error.exit_code, str(error)))
        raise
    except GeneratorExit:
        entry.end(Ending(_INTERRUPTED, "whoever asked has left"))
        raise
    except Exception:
        entry.end(Ending(1, "a fault in expokeep"))
        raise
    entry.end(Ending(0, None))


def _act(host: str, action: str, call: Call, said: Mapping[str, Any]) -> Act:
    name, subject = next(iter(call.path.items()), ("", None))
    session = call.path.get("session") or call.path.get("ref", "").partition("@")[0]
    if not session and isinstance(said.get("session"), str):
        session = said["session"]
    masked = name not in ("session", "ref") and len(subject or "") > _LONGEST_NAME
    return Act(
        host=host,
        uid=call.peer.uid,
        username=call.peer.user,
        action=action,
        subject="***" if masked else subject,
        session=session or None,
        details=said,
    )


def _said(call: Call) -> dict[str, Any] | None:
    """Return what a request says, without secrets; None if that cannot be read."""
    try:
        body = json.loads(call.body or b"{}")
        said: dict[str, Any] | None = _clean(body) if isinstance(body, dict) else None
    except (RecursionError, ValueError):
        return None
    return said


def _is_harmless(route: Route, said: Mapping[str, Any] | None) -> bool:
    """Return whether nothing is changed. What cannot be read may be read by others."""
    if said is None:
        return False
    if said.get("dry_run") is True:
        return True
    return route.pattern in HARMLESS and said.get("force") is not True


def _kept(said: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return as much of what a request says as is kept of it."""
    if said is None:
        return {"left_out": "it cannot be read"}
    return said if len(json.dumps(said)) <= MOST_BYTES else {"left_out": "it is long"}


def _answered(reply: Document) -> dict[str, Any]:
    """Return what an answer says was meant."""
    answer = json.loads(reply.json)
    return {name: _clean(answer[name]) for name in _ANSWERED if answer.get(name)}


def _clean(value: Any) -> Any:
    """Return a value without secrets, and without what Postgres does not take."""
    if isinstance(value, dict):
        named = {_text(key): one for key, one in value.items()}
        masked = redacted(None, "", dict(named))
        # Yes and no are no secrets: who allowed them is what an audit is for.
        return {
            key: one if isinstance(one, bool) else _clean(masked[key])
            for key, one in named.items()
        }
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    whole = text.encode(errors="backslashreplace").decode()
    return whole.replace("\0", "\\0")
