"""A save that somebody asked for: now, and not over before it is durable."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from expokeep import clock, wiring
from expokeep.catalog.values import Held
from expokeep.errors import (
    ExpokeepError,
    NotFound,
    QuotaExceeded,
    TimedOut,
    UsageError,
)
from expokeep.history.documents import Progress, SkippedPath
from expokeep.history.saved import Saved
from expokeep.log import get
from expokeep.model.names import SessionId, to_text
from expokeep.model.quota import is_over
from expokeep.model.version import Selector, Version, VersionRef, is_label
from expokeep.service.board import Line
from expokeep.service.parts import Parts
from expokeep.snapshot.outcome import Outcome
from expokeep.snapshot.values import Request

log = get(__name__)

SAVE_TIMEOUT_S = 600.0
"""Longest wait for a save to be durable; the snapshot is safe long before."""
PROGRESS_EVERY_S = 0.5
REMOVAL_S = 10.0
"""How long a save waits for a removal that is under way to end."""
LOOK_EVERY_S = 0.05


class SaveWish(msgspec.Struct):
    """What a person says of a save."""

    message: str | None = None
    user: str | None = None
    name: str | None = None
    force: bool = False
    """However much is gone, and whoever holds the session."""
    label: str | None = None
    """To be given to the version that it is then."""
    pin: bool = False

    def check(self) -> None:
        """Check what can be checked before anything is captured.

        Raises:
            UsageError: no version can be labelled so.
        """
        if self.label is not None and not is_label(self.label):
            raise UsageError("a label has 1 to 100 characters, none of them @ or /")


def asked_save(parts: Parts, line: Line, wish: SaveWish) -> Iterator[bytes]:
    """Yield how far a save is, and at the end what became of it.

    Raises:
        Held: another host that is alive holds the session. Nothing was captured.
        ExpokeepError: why it is not durable. What was captured is safe in the spool.
    """
    session, started_s = line.directory.session, clock.monotonic_s()
    with parts.saving.turnstile.alone(session, SAVE_TIMEOUT_S):
        _take(parts, session, force=wish.force)
        _require_room(parts, session, wish.user)
        _wait_out_removal(parts, line)
        outcome = parts.saving.snapshot(line, _request(line, wish))
    if outcome is None:
        if line.last_error is None:
            raise NotFound(f"the directory of session {session} went away meanwhile")
        raise line.refused or line.too_big or ExpokeepError(line.last_error)
    waiting = parts.engine.spool.pending(session)
    if waiting:
        yield from _until_recorded(parts, session, waiting[-1].pack)
    else:
        _bring_back(parts, session)
    version = _version(parts, session, outcome)
    if version and (
        (outcome.sealed is None and version.parked and wish.force)
        or is_over(version.parked)
    ):
        version = _accepted(parts, version)
    took_s = clock.monotonic_s() - started_s
    if wish.user is not None or wish.name is not None:
        parts.engine.backends.catalog.describe(
            session, owner=wish.user, project_name=wish.name
        )
    if version is not None:
        _mark(parts, version, wish)
    told = _told(parts, session, outcome, version, took_s)
    marks = {"label": wish.label, "is_pinned": wish.pin} if version else {}
    yield msgspec.json.encode(msgspec.structs.replace(told, **marks))


def _mark(parts: Parts, version: Version, wish: SaveWish) -> None:
    """Label and pin what was saved, or what it was already."""
    if wish.label is None and not wish.pin:
        return
    engine = parts.engine
    marks = wiring.retaining_of(
        engine.settings, engine.backends, engine.fetcher, engine.host
    ).marks
    if wish.label is not None:
        marks.label(version, wish.label)
    if wish.pin:
        marks.pin(version, is_pinned=True)


def _require_room(parts: Parts, session: SessionId, user: str | None) -> None:
    """Check that whoever is to own the session may have one more build, if it is one.

    While the catalog is away nobody can tell; what is captured then is judged later.

    Raises:
        QuotaExceeded: no. Captures go on by themselves, and are kept parked.
    """
    try:
        parts.engine.backends.catalog.require_room(session, user)
    except QuotaExceeded as error:
        parts.events.publish("quota.exceeded", session, reason=str(error))
        raise
    except ExpokeepError as error:
        log.debug("catalog not asked", error=str(error))


def _bring_back(parts: Parts, session: SessionId) -> None:
    """Undelete a session of which nothing had to be recorded: a person saves it."""
    engine = parts.engine
    if engine.backends.catalog.session(session) is None:
        wiring.retaining_of(
            engine.settings, engine.backends, engine.fetcher, engine.host
        ).deletions.undelete(session)


def _wait_out_removal(parts: Parts, line: Line) -> None:
    """Wait until files are not vanishing one after the other any more.

    What a person deleted is gone at once with a save, and what a removal of everything
    has deleted so far is not: a moment later there is no directory, or it is over.
    """
    capturing, directory = parts.engine.snapshotter.capturing, line.directory
    deadline_s = clock.monotonic_s() + REMOVAL_S
    while capturing is not None and capturing.is_vanishing(directory):
        if clock.monotonic_s() > deadline_s:
            return  # the snapshot sees it as well, and holds deletions back
        clock.wait(threading.Event(), LOOK_EVERY_S)


def _take(parts: Parts, session: SessionId, *, force: bool) -> None:
    """Take the session for this host: somebody works on it here.

    While the catalog is away nobody can tell; what is captured then is judged later.

    Raises:
        Held: another host that is alive holds it.
    """
    catalog, host = parts.engine.backends.catalog, parts.engine.host
    try:
        row = catalog.session(session)
        if row is None or row.host_id == host.id:
            return
        catalog.take(session, host, force=force)
    except Held:
        raise
    except ExpokeepError as error:
        log.debug("catalog not asked", error=str(error))
        return
    log.info("session taken over", session=session, before=row.host, forced=force)
    parts.engine.snapshotter.took(session)


def _until_recorded(
    parts: Parts, session: SessionId, pack: uuid.UUID
) -> Iterator[bytes]:
    """Yield how far the upload is until it is a version, or raise what is wrong."""
    shipping = parts.shipping
    failures = shipping.failures_of(session)
    shipping.hurry(session)
    deadline_s = clock.monotonic_s() + SAVE_TIMEOUT_S
    while not shipping.wait_recorded(pack, session, failures, PROGRESS_EVERY_S):
        now = parts.progresses.of(session)
        if now is not None:
            progress = Progress(
                done_bytes=now.done_bytes, total_bytes=now.total_bytes, phase="upload"
            )
            yield msgspec.json.encode(progress)
        if clock.monotonic_s() > deadline_s:
            raise TimedOut("it is safe in the spool, and not recorded yet")


def _accepted(parts: Parts, version: Version) -> Version:
    """Make a version head that was parked before somebody said what it is."""
    replaced = parts.engine.backends.catalog.accept(version)
    log.info(
        "version accepted",
        session=version.session,
        version=version.seq,
        instead_of=replaced,
    )
    return replace(version, parked=None)


def _told(
    parts: Parts,
    session: SessionId,
    outcome: Outcome,
    version: Version | None,
    took_s: float,
) -> Saved:
    row = parts.engine.backends.catalog.session(session)
    sealed = outcome.sealed
    stored = sum(pack.size_bytes for pack in sealed.entry.note.packs) if sealed else 0
    return Saved(
        session=session,
        state="recorded" if sealed else "unchanged",
        version=version.seq if version else None,
        project_name=row.project_name if row else None,
        took_s=took_s,
        stored_bytes=stored,
        set_count=outcome.set_count,
        gone_count=outcome.gone_count,
        parked=version.parked if version else None,
        skipped=tuple(
            SkippedPath(path=to_text(path), reason=reason)
            for path, reason in outcome.skipped.items()
        ),
        excluded_count=outcome.excluded_count,
    )


def _version(parts: Parts, session: SessionId, outcome: Outcome) -> Version | None:
    """Return the version that the directory is now."""
    catalog = parts.engine.backends.catalog
    if outcome.pack is not None:
        return catalog.trace([parts.shipping.told_by(outcome.pack)]).version
    opened = outcome.opened
    seq = (opened.tip_seq or opened.base_seq) if opened else None
    try:
        version = catalog.resolve(VersionRef(session, Selector(seq=seq)))
    except (NotFound, UsageError):
        return None
    # Of a session that is not known yet the name may be the beginning of another's.
    return version if version.session == session else None


def _request(line: Line, wish: SaveWish) -> Request:
    return Request(
        session=line.directory.session,
        directory=line.path,
        trigger="save",
        message=wish.message,
        author=wish.user,
        owner=wish.user,
        project_name=wish.name,
        believes_deletions=True,
        is_forced=wish.force,
    )
