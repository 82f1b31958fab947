"""Whether the app's tables are in step, as `status` and `doctor` tell it."""

import datetime
from collections.abc import Iterator

from expokeep import clock, wiring
from expokeep.catalog.legacy_values import Found, Standing
from expokeep.errors import ExpokeepError
from expokeep.history.app_tables_status import AppTablesStatus
from expokeep.service.parts import Parts

REFUSED_FOR = datetime.timedelta(hours=1)
"""So long `status` is degraded by something that was refused to the app."""


def app_tables(parts: Parts) -> AppTablesStatus | None:
    """Return how the app's tables are, if there are any and somebody can tell."""
    app = wiring.legacy_ports(parts.engine.backends.catalog)
    if app is None or parts.catalog_error is not None:
        return None
    try:
        found = app.notes.standing()
    except ExpokeepError:
        return None
    return _status(found) if found.is_attached or found.refused else None


def is_in_step(status: AppTablesStatus | None) -> bool:
    """Return whether there is nothing that somebody should look at."""
    return status is None or not (status.behind_count or status.is_lately_refused)


def complaints(parts: Parts) -> Iterator[tuple[str, str]]:
    """Yield what keeps the app's tables from being in step, and what to do about it."""
    app = wiring.legacy_ports(parts.engine.backends.catalog)
    if app is None or not parts.settings.database.legacy_tables:
        return
    found, standing = app.tables.find(), app.notes.standing()
    hint = "See docs/APP_TABLES.md, `What the daemon's role needs`."
    if found.found is not None and not found.may_write:
        yield "the daemon's role may not write them", hint
    elif found.found is not None and not found.may_watch:
        yield "the daemon's role may have no triggers on them: it looks instead", hint
    if standing.behind:
        hint = "See docs/RUNBOOK.md, `The app's tables are behind`."
        yield f"{standing.behind} builds are behind: {standing.why}", hint


def state_of(found: Found) -> str:
    """Return in words how the tables are."""
    if found.found is None:
        return "there are none"
    return "in step" if found.is_settled else "not looked at yet"


def looked_for(parts: Parts) -> Found | None:
    """Return what was found of the app's tables; None where they are not wanted."""
    app = wiring.legacy_ports(parts.engine.backends.catalog)
    if app is None or not parts.settings.database.legacy_tables:
        return None
    return app.tables.find()


def _status(found: Standing) -> AppTablesStatus:
    refused_at = found.refused_at
    return AppTablesStatus(
        told_of_writes=found.has_triggers,
        behind_count=found.behind,
        behind_since=found.since,
        why=found.why,
        refused=found.refused,
        refused_at=refused_at,
        is_lately_refused=(
            refused_at is not None and clock.now() - refused_at < REFUSED_FOR
        ),
    )
