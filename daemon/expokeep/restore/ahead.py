"""What this host knows of a session beyond what is recorded: the state ahead of it.

The rule about heads is the recorder's own. With the catalog away it is asked on what
this host last heard of it.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import (
    UNKNOWN_UID,
    Host,
    Opened,
    RootIdentity,
    RootOwner,
)
from expokeep.errors import (
    AccessDenied,
    BackendUnreachable,
    ConfigError,
    ExpokeepError,
)
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.model.version import Selector, Version, VersionRef
from expokeep.restore.source import Reserve
from expokeep.restore.unpacking import Unpacking
from expokeep.restore.waiting import (
    Chain,
    Judged,
    LifeId,
    Outlook,
    Standing,
    outlook,
)
from expokeep.spool.entry import Note, SpoolEntry
from expokeep.worktree.shelf import Shelf

AWAY: tuple[type[ExpokeepError], ...] = (
    BackendUnreachable,
    AccessDenied,
    ConfigError,
)
"""The catalog does not answer, lets us not in, or was never named."""

_TRIES = 3
"""Looks at a spool whose entries are recorded and dropped meanwhile."""

Beside = Callable[[Note, Opened, Host], str | None]
"""The recorder's rule: why this host may not move the head, if it may not."""


class Pending(Protocol):
    """What is in a spool."""

    def pending(self, session: SessionId) -> list[SpoolEntry]:
        """Return what waits for a session, in the order of its recording."""
        ...

    def sessions(self) -> list[SessionId]:
        """Return the sessions for which something waits."""
        ...


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this host holds, and by which rules that is judged."""

    spool: Pending
    shelf: Shelf
    host: Host
    limits: Limits
    beside: Beside
    reserve: Reserve | None = None
    """What restores leave free of the disk of its spool."""
    away: Callable[[], ExpokeepError | None] = lambda: None
    """Tells why the catalog is not worth asking right now, if that is known: each
    question to one that swallows everything would take its time."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What waits for a session, judged."""

    session: SessionId
    unpacking: Unpacking
    outlook: Outlook
    away: ExpokeepError | None
    """Why the catalog was not asked, if it could not be."""

    def version(self, one: Judged) -> Version:
        """Return a snapshot as the version that it will be, without a number.

        Raises:
            FileNotFoundError: it waits no more.
        """
        note, snap = one.entry.note, self.unpacking.snap(one.entry)
        return Version(
            session=self.session,
            seq=0,
            epoch=0,
            parent=None,
            taken_at=note.taken_at,
            trigger=note.trigger,
            tree=snap.tree,
            file_count=snap.file_count,
            size_bytes=snap.size_bytes,
            message=note.message,
            author=note.author,
            parked=one.parked,
            pack=one.entry.pack,
        )


def look_ahead(
    session: SessionId, catalog: Catalog, holdings: Holdings
) -> Ahead | None:
    """Return what waits for a session here; None if nothing does.

    Raises:
        BackendUnreachable: only the catalog could tell what will be head.
    """
    for _ in range(_TRIES):
        if not (entries := holdings.spool.pending(session)):
            return None
        try:
            return _looked(session, entries, catalog, holdings)
        except FileNotFoundError:
            continue  # something was recorded just now
    return None


def _looked(
    session: SessionId,
    entries: Sequence[SpoolEntry],
    catalog: Catalog,
    holdings: Holdings,
) -> Ahead:
    def of_pack(pack: uuid.UUID) -> Tree:
        if (known := holdings.away()) is not None:
            raise known
        ref = VersionRef(session, Selector(pack=pack))
        return catalog.tree(catalog.resolve(ref))

    def tree_of(entry: SpoolEntry | None) -> Tree | None:
        if entry is not None:
            return unpacking.tree(entry)
        return catalog.tree(catalog.resolve(VersionRef(session)))

    remembered = partial(holdings.shelf.trees, session)
    unpacking = Unpacking(entries, of_pack, remembered)
    standing, away = _heard(session, holdings.shelf), holdings.away()
    if away is None:
        try:
            standing = _told(session, entries, catalog, holdings)
        except AWAY as error:
            away = error
    standing = _with_origins(session, standing, holdings.shelf)
    found = outlook(entries, standing, tree_of, holdings.limits)
    return Ahead(session, unpacking, found, away)


def _told(
    session: SessionId,
    entries: Sequence[SpoolEntry],
    catalog: Catalog,
    holdings: Holdings,
) -> Standing:
    """Return where a session stands, as the one who records would find it."""
    lives: dict[LifeId, Opened] = {}
    for entry in entries:
        note = entry.note
        if _life(note) not in lives:
            lives[_life(note)] = catalog.open_session(
                session,
                RootIdentity(note.device, note.inode, note.birth_ns),
                RootOwner(note.root_uid, note.root_gid, note.root_mode),
                holdings.host,
                owner=note.owner,
            )

    def beside(entry: SpoolEntry, chain: Chain) -> str | None:
        opened = lives[_life(entry.note)]
        if chain.is_heads:  # if not yet, then by what was recorded before it
            opened = replace(opened, head_epoch=opened.epoch)
        return holdings.beside(entry.note, opened, holdings.host)

    newest = max(lives.values(), key=lambda opened: opened.last_seq)
    uid = newest.root.uid
    return Standing(
        uid=uid if newest.last_seq and uid != UNKNOWN_UID else None,
        has_head=newest.head_seq is not None,
        chains={life: _chain(opened) for life, opened in lives.items()},
        beside=beside,
    )


def _heard(session: SessionId, shelf: Shelf) -> Standing:
    """Return where a session stood when the catalog was last heard."""
    found = shelf.footings(session)
    return Standing(
        uid=next((one.uid for one in found.values()), None),
        has_head=any(one.has_head for one in found.values()) if found else None,
        chains={
            life: Chain(one.is_heads, one.is_restored, one.ends_at_head)
            for life, one in found.items()
        },
    )


def _with_origins(session: SessionId, standing: Standing, shelf: Shelf) -> Standing:
    """Add what we restored, and could not tell the catalog yet."""
    chains = dict(standing.chains)
    for life in shelf.origins(session):
        chains[life] = replace(chains.get(life, Chain()), is_restored=True)
    return replace(standing, chains=chains)


def _chain(opened: Opened) -> Chain:
    is_heads = opened.head_seq is not None and opened.head_epoch == opened.epoch
    return Chain(
        is_heads=is_heads,
        is_restored=opened.base_seq is not None,
        ends_at_head=is_heads and opened.tip_seq == opened.head_seq,
    )


def _life(note: Note) -> LifeId:
    return note.device, note.inode, note.birth_ns


def whose(session: SessionId, shelf: Shelf, spool: Pending) -> int | None:
    """Return whose a session is as far as this host knows, without the catalog."""
    told = [one.uid for one in shelf.footings(session).values()]
    sealed = [entry.note.root_uid for entry in spool.pending(session)]
    return next(iter([*told, *sealed]), None)
