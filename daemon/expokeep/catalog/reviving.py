"""Writes what one session gets back: its epochs, versions, labels and head."""

import datetime
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog import queries
from expokeep.catalog.entries import columns_of, spans_of
from expokeep.catalog.history import History
from expokeep.catalog.rebuilding import Rebuilding
from expokeep.catalog.revival import (
    Carried,
    NewEpoch,
    Revision,
    Revival,
    Revived,
    SessionState,
    TemplateName,
)
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import BaseMoved
from expokeep.model.names import SessionId

_SQL = queries.beside(__file__)

Labels = Mapping[str, tuple[int, datetime.datetime]]
"""By name, the version that has it, and since when."""
Templates = Mapping[TemplateName, tuple[int, datetime.datetime]]


@dataclass(frozen=True, slots=True)
class Reviving:
    """What is written of a session, in the caller's transaction."""

    connection: Connection[TupleRow]

    def add_hosts(self, ids: Collection[uuid.UUID]) -> None:
        """Make hosts known, whose leases are over."""
        self.connection.execute(_SQL["add_hosts"], {"ids": list(ids)})

    def add_epochs(self, session: SessionId, epochs: Sequence[NewEpoch]) -> None:
        """Make epochs known."""
        hosts, devices, inodes, births_ns = (
            [one.life[place] for one in epochs] for place in range(4)
        )
        values = {
            "session": session,
            "numbers": [one.number for one in epochs],
            "hosts": hosts,
            "devices": devices,
            "inodes": inodes,
            "births_ns": births_ns,
            "base_seqs": [one.base_seq for one in epochs],
            "starts": [one.started_at for one in epochs],
            "ends": [one.ended_at for one in epochs],
        }
        self.connection.execute(_SQL["add_epochs"], values)

    def end_entries(
        self, session: SessionId, epoch: int, seq: int, names: Collection[bytes]
    ) -> None:
        """Let entries of an epoch end before a version."""
        values = {
            "session": session,
            "epoch": epoch,
            "seq": seq,
            "names": list(names),
        }
        self.connection.execute(_SQL["end_entries"], values)

    def add_entries(self, session: SessionId, columns: Mapping[str, Any]) -> None:
        """Write entries of epochs, from version to version."""
        self.connection.execute(_SQL["add_entries"], {"session": session, **columns})

    def record(self, session: SessionId, one: Revived) -> None:
        """Write a version down."""
        values = {
            "session": session,
            "seq": one.seq,
            "epoch": one.epoch,
            "parent": one.parent_seq,
            "pack": one.pack,
            "told_by": one.told_by,
            "taken_at": one.taken_at,
            "recorded_at": one.recorded_at,
            "trigger": one.trigger,
            "tree": one.shape.tree,
            "file_count": one.shape.file_count,
            "size_bytes": one.shape.size_bytes,
            "message": one.message,
            "author": one.author,
            "parked": one.parked,
            "pinned": one.pinned,
            "pinned_at": one.pinned_at,
            "origin_session": one.origin.session if one.origin else None,
            "origin_seq": one.origin.seq if one.origin else None,
        }
        self.connection.execute(_SQL["record"], values)

    def end_chains(self, session: SessionId) -> None:
        """Let each chain end with its newest version."""
        self.connection.execute(_SQL["end_chains"], {"session": session})

    def carry(self, carried: Sequence[Carried]) -> None:
        """Say of packs which forgotten versions they tell."""
        values = {
            "ids": [one.pack for one in carried],
            "epochs": [one.epoch for one in carried],
            "seqs": [one.seq for one in carried],
        }
        self.connection.execute(_SQL["carry"], values)

    def revise(self, revised: Sequence[Revision]) -> None:
        """Say of versions what was said of them last."""
        values = {
            "packs": [one.pack for one in revised],
            "parked": [one.parked for one in revised],
            "pinned": [one.pinned for one in revised],
            "pinned_at": [one.pinned_at for one in revised],
            "messages": [one.message for one in revised],
        }
        self.connection.execute(_SQL["revise"], values)

    def unlabel(self, session: SessionId, labels: Labels) -> None:
        """Take away all labels but these."""
        values = {"session": session, "names": list(labels)}
        self.connection.execute(_SQL["unlabel"], values)

    def label(self, session: SessionId, labels: Labels) -> None:
        """Give versions their labels."""
        values = {
            "session": session,
            "names": list(labels),
            "seqs": [seq for seq, _ in labels.values()],
            "times": [at for _, at in labels.values()],
        }
        self.connection.execute(_SQL["label"], values)

    def untemplate(self, session: SessionId, templates: Templates) -> None:
        """Drop all templates but these."""
        values = {
            "session": session,
            "names": [name for name, _, _ in templates],
            "owners": [owner for _, owner, _ in templates],
            "uids": [uid for _, _, uid in templates],
        }
        self.connection.execute(_SQL["untemplate"], values)

    def template(self, session: SessionId, templates: Templates) -> None:
        """Say which versions new sessions are begun with."""
        values = {
            "session": session,
            "names": [name for name, _, _ in templates],
            "owners": [owner for _, owner, _ in templates],
            "uids": [uid for _, _, uid in templates],
            "seqs": [seq for seq, _ in templates.values()],
            "times": [at for _, at in templates.values()],
        }
        self.connection.execute(_SQL["template"], values)

    def pin(self, session: SessionId, seqs: Collection[int]) -> None:
        """Keep versions from being forgotten by rule."""
        values = {"session": session, "seqs": list(seqs)}
        self.connection.execute(_SQL["pin"], values)

    def move(self, session: SessionId, *, last_seq: int, head_seq: int | None) -> None:
        """Say how far a session has counted, and where it stands."""
        values = {"session": session, "last_seq": last_seq, "head_seq": head_seq}
        self.connection.execute(_SQL["move"], values)

    def describe(self, session: SessionId, state: SessionState) -> None:
        """Say whose a session is, and whether it is deleted."""
        values = {
            "session": session,
            "owner": state.owner,
            "project_name": state.project_name,
            "uid": state.root.uid,
            "gid": state.root.gid,
            "mode": state.root.mode,
            "fence": state.fence,
            "host": state.host,
            "created_at": state.created_at,
            "deleted_at": state.deleted_at,
            "expired": state.expired,
        }
        self.connection.execute(_SQL["describe"], values)


def revived(
    connection: Connection[TupleRow],
    session: SessionId,
    revival: Revival,
    packs: Collection[uuid.UUID],
) -> None:
    """Write all that a session gets back, and that `packs` are read, or nothing.

    Raises:
        BaseMoved: the session is not what this was planned for.
    """
    rebuilding, reviving = Rebuilding(connection), Reviving(connection)
    with connection.pipeline(), connection.transaction():
        rebuilding.allow()
        Sessions(connection).lock(session)
        numbers = rebuilding.numbers(session)
        if numbers is None or numbers[0] != revival.was_last_seq:
            raise BaseMoved(f"{session} is not any more what it was")
        rebuilding.silence(silent=True)
        _begin(reviving, session, revival)
        _entries(connection, session, revival.versions)
        _record(connection, session, revival.versions)
        rebuilding.silence(silent=not revival.decided)
        reviving.end_chains(session)
        if revival.carried:
            reviving.carry(revival.carried)
        if revival.revised:
            reviving.revise(revival.revised)
        if revival.state is not None:
            reviving.unlabel(session, revival.labels)
        if revival.labels:
            reviving.label(session, revival.labels)
        if revival.state is not None:
            reviving.untemplate(session, revival.templates)
            if revival.templates:
                reviving.template(session, revival.templates)
        if revival.pinned:
            reviving.pin(session, revival.pinned)
        reviving.move(session, last_seq=revival.last_seq, head_seq=revival.head_seq)
        rebuilding.publish(packs)


def _begin(reviving: Reviving, session: SessionId, revival: Revival) -> None:
    hosts = {epoch.life[0] for epoch in revival.epochs}
    if revival.state is not None and revival.state.host is not None:
        hosts.add(revival.state.host)
    if hosts:
        reviving.add_hosts(sorted(hosts))
    if revival.state is not None:
        reviving.describe(session, revival.state)
    if revival.epochs:
        reviving.add_epochs(session, revival.epochs)


def _record(
    connection: Connection[TupleRow], session: SessionId, versions: Sequence[Revived]
) -> None:
    silent = True
    for one in versions:
        if one.is_word != silent:
            silent = one.is_word
            Rebuilding(connection).silence(silent=silent)
        Reviving(connection).record(session, one)


def _entries(
    connection: Connection[TupleRow], session: SessionId, versions: Sequence[Revived]
) -> None:
    reviving, spans = Reviving(connection), spans_of(versions)
    if names := {span.name for span in spans.added}:
        History(connection).name_paths(session, sorted(names))
    for epoch, seq, ended in spans.ended:
        reviving.end_entries(session, epoch, seq, ended)
    for columns in columns_of(spans.added):
        reviving.add_entries(session, columns)
