"""What came of the command that was run on a version, as documents."""

import datetime

import msgspec

from expokeep.catalog.past_values import HookRun
from expokeep.history.past import Past
from expokeep.model.names import SessionId


class HookMark(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended, as lists show it."""

    outcome: str | None
    """None while it is under way. Else `passed`, `failed`, `timed out`, `killed`,
    `no room`, `refused` or `not restored`."""
    status: int | None
    """The exit status, if it ended by itself."""


class HookDocument(HookMark, frozen=True, kw_only=True):
    """All that is known of it."""

    command: str
    host: str | None
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    took_s: float | None
    signal: int | None
    output: str
    """The end of what it printed."""
    is_cut: bool
    """There was more, before it."""
    reason: str
    """Why, in words, unless it ended by itself."""


def hook_mark(run: HookRun | None) -> HookMark | None:
    """Return how a run ended, if there was one."""
    return None if run is None else HookMark(outcome=run.outcome, status=run.status)


def hook_of(past: Past | None, session: SessionId, seq: int) -> HookDocument | None:
    """Return what came of a version, if something was run on it."""
    run = past.hook(session, seq) if past else None
    if run is None:
        return None
    return HookDocument(
        outcome=run.outcome,
        status=run.status,
        command=run.command,
        host=run.host,
        started_at=run.started_at,
        ended_at=run.ended_at,
        took_s=run.took_s,
        signal=run.signal,
        output=run.output,
        is_cut=run.is_cut,
        reason=run.reason,
    )


def in_words(mark: HookMark) -> str:
    """Return how a run ended, for people.

    >>> in_words(HookMark(outcome="failed", status=3))
    'hook failed with 3'
    """
    if mark.outcome is None:
        return "hook under way"
    with_status = f" with {mark.status}" if mark.status else ""
    return f"hook {mark.outcome}{with_status}"
