"""The verbs of the control socket that add up: `stats` and `cost`. For operators.

Sums over everything would tell others what there is that is not theirs: also that of
their own stored bytes, which are few where somebody else has the same contents.
"""

import contextlib
from dataclasses import dataclass
from typing import get_args

import msgspec

from expokeep import wiring
from expokeep.accounting.month import Month, parse_month
from expokeep.accounting.run import Accountant, By
from expokeep.control.routes import Call, Document, Handler, Reply
from expokeep.errors import ConfigError, ExpokeepError, UsageError
from expokeep.service import queries
from expokeep.service.parts import Parts
from expokeep.service.rights import Rights

MAX_BUILDS = 1_000_000_000
MAX_SIZE_BYTES = 1 << 50
BYS: dict[str, By] = {word: word for word in get_args(By)}


@dataclass(frozen=True, slots=True)
class AccountingRoutes:
    """Adds up for whoever may know."""

    parts: Parts
    rights: Rights

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (("GET", "/v1/stats", self.stats), ("GET", "/v1/cost", self.cost))

    def stats(self, call: Call) -> Reply:
        """Tell what there is."""
        self.rights.require_operator(call.peer)
        word = queries.one(call, "by")
        if word is not None and word not in BYS:
            raise UsageError(f"by {', '.join(BYS)}, not by {word!r}")
        limit, logical = queries.limit(call), queries.switch(call, "logical")
        by = BYS[word] if word is not None else None
        found = self._accountant().stats(by, logical=logical, limit=limit)
        return Document(msgspec.json.encode(found))

    def cost(self, call: Call) -> Reply:
        """Tell what a month costs, or what builds would that do not exist."""
        self.rights.require_operator(call.peer)
        builds, size = queries.one(call, "builds"), queries.one(call, "size_bytes")
        if builds is not None or size is not None:
            count = _number(builds, MAX_BUILDS, "builds")
            size_bytes = _number(size, MAX_SIZE_BYTES, "size_bytes")
            found = self._accountant().assumed(count, size_bytes)
            return Document(msgspec.json.encode(found))
        month = _month(queries.one(call, "month"))
        return Document(msgspec.json.encode(self._accountant().cost(month)))

    def _accountant(self) -> Accountant:
        """Return who adds up, once what this process knows is told."""
        engine = self.parts.engine
        accountant = wiring.accountant_of(engine.settings, engine.backends.catalog)
        usage = wiring.usage_of(engine.backends.catalog)
        if accountant is None or usage is None:
            raise ConfigError("no database is configured, so there is nothing to add")
        with contextlib.suppress(ExpokeepError):  # then the sums fail as well, or soon
            usage.note_stored()
            if self.parts.tally is not None:
                self.parts.tally.tell()
        return accountant


def _month(text: str | None) -> Month | None:
    try:
        return parse_month(text) if text is not None else None
    except ValueError as error:
        raise UsageError(f"a month is written 2026-11, not {text!r}") from error


def _number(text: str | None, most: int, name: str) -> int:
    given = text or ""
    # Python refuses to read very many digits, in words of its own.
    is_number = given.isascii() and given.isdigit() and len(given) <= len(str(most))
    if not is_number or int(given) > most:
        raise UsageError(f"{name} is a number from 0 to {most}, not {text!r}")
    return int(given)
