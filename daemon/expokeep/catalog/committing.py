"""The commit: how a version becomes visible, all of it or nothing.

Read under a lock, decide, write. What is read decides everything, and the writes repeat
its conditions; three round trips, however many files.
"""

import datetime
import uuid
from collections.abc import Iterable

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog.blobs import Blobs
from expokeep.catalog.describing import Describing
from expokeep.catalog.epochs import Epochs
from expokeep.catalog.history import History
from expokeep.catalog.packs import Packs
from expokeep.catalog.projecting import Projection
from expokeep.catalog.quotas import Gain, Quotas
from expokeep.catalog.sessions import Sessions
from expokeep.catalog.values import (
    BaseMoved,
    Fenced,
    NewVersion,
    PackGone,
    ReuseGone,
    SeqTaken,
)
from expokeep.catalog.versions import Standing, Versions
from expokeep.model.digest import Digest
from expokeep.model.quota import QuotaRules
from expokeep.model.tree import files_in
from expokeep.model.version import BEGINNINGS, Version

CLOCK_TOLERANCE = datetime.timedelta(minutes=5)
"""Clocks that differ by less are as good as ours; and a request may take its time."""
LONGEST_WAIT = datetime.timedelta(days=3650)
"""No snapshot waits longer to be recorded; what says so has a clock that jumped."""

RETRACTED = "recorded while the directory was being removed"
"""Why a version is parked that took the start of a removal for an edit."""


def committed(
    connection: Connection[TupleRow], new: NewVersion, rules: QuotaRules | None = None
) -> Version:
    """Write a version, or find that it is written already.

    Raises:
        Fenced, SeqTaken, BaseMoved, PackGone, ReuseGone, QuotaExceeded: nothing was
            written.
    """
    versions = Versions(connection)
    with connection.pipeline(), connection.transaction():
        Sessions(connection).lock(new.session)
        Packs(connection).lock([pack.id for pack in new.packs])
        standing = versions.standing(new.session, new.epoch, new.packs)
        if standing is not None and standing.is_done:
            done = versions.of_pack(new.packs[0].id)
            assert done is not None  # noqa: S101 - seen under the lock of its session
            return done
        allowed = check(new, standing)
        _admit(Quotas(connection, rules), new, allowed)
        Blobs(connection).add(new.session, new.places)
        held = Blobs(connection).hold(new.session, _contents(new))
        retired = check_contents(new, held)
        version = _version(new, allowed)
        _write(connection, new, version)
        if retired:
            Packs(connection).revive(retired)
        if (left := _head_left_behind(version, new, allowed)) is not None:
            versions.pin(new.session, left)
        projection = Projection(connection)
        projection.hurry()
        projection.project(new.session)
        return version


def check(new: NewVersion, standing: Standing | None) -> Standing:
    """Return `standing` if it allows the commit.

    Raises:
        Fenced, SeqTaken, BaseMoved, PackGone: it does not.
    """
    if standing is None:
        raise BaseMoved(f"session {new.session} is not known any more")
    if new.moves_head and standing.fence != new.fence:
        holder = standing.host or "another host"
        raise Fenced(f"session {new.session} belongs to {holder} now")
    if standing.last_seq != new.seq - 1:
        raise SeqTaken(standing.last_seq)
    if not standing.epoch_exists or standing.tip_pack != new.parent_pack:
        raise BaseMoved(
            f"epoch {new.epoch} of {new.session} ends with pack {standing.tip_pack}, "
            f"not with {new.parent_pack}"
        )
    states = sorted(standing.pack_states)
    if states != ["uploading"] * len(new.packs):
        raise PackGone(f"pack {new.packs[0].id} is no intent any more: {states}")
    return standing


def _admit(quotas: Quotas, new: NewVersion, standing: Standing) -> None:
    """See to it that the owner of a session has room for what its head is to be.

    Raises:
        QuotaExceeded: there is none. Beside the head there always is.
    """
    if new.trigger in BEGINNINGS:
        quotas.admit_size(new.size_bytes)
    returns = standing.has_expired or new.trigger == "save"
    if standing.owner is None or not new.moves_head:
        return
    if standing.is_deleted and not returns:
        return  # recorded beneath: it stays deleted
    is_build = standing.head_seq is not None and not standing.is_deleted
    former_bytes = standing.head_bytes if is_build else 0
    if not is_build or (standing.is_metered and new.size_bytes > former_bytes):
        gain = Gain(int(not is_build), new.size_bytes, former_bytes)
        quotas.admit(new.session, standing.owner, gain)


def true_time(new: NewVersion, standing: Standing) -> datetime.datetime:
    """Return when a version was taken, by the clock of Postgres.

    The clock of its host may be hours off, or have jumped by a year. A person asks for
    "15 minutes ago" and means all hosts; and no version is older than its parent.
    """
    taken_at, now = new.taken_at, standing.now
    if new.sent_at is not None and abs(new.sent_at - now) > CLOCK_TOLERANCE:
        # How long it waited is known all the same: both were read from one clock.
        taken_at = now - min(new.sent_at - taken_at, LONGEST_WAIT)
    taken_at = min(taken_at, now)
    parent_at = standing.tip_taken_at
    return taken_at if parent_at is None else max(taken_at, parent_at)


def check_contents(
    new: NewVersion, held: Iterable[tuple[Digest, uuid.UUID, bool]]
) -> frozenset[uuid.UUID]:
    """Return the retired packs whose contents a version needs.

    Raises:
        ReuseGone: something that it needs is not kept.
    """
    missing, retired = set(_contents(new)), set()
    for digest, pack, is_retired in held:
        missing.discard(digest)
        if is_retired:
            retired.add(pack)
    if missing:
        raise ReuseGone(missing)
    return frozenset(retired)


def _contents(new: NewVersion) -> frozenset[Digest]:
    return new.reused.union(
        (place.digest for place in new.places),
        (entry.digest for _, entry in files_in(new.delta.set)),
    )


def _version(new: NewVersion, standing: Standing) -> Version:
    return Version(
        session=new.session,
        seq=new.seq,
        epoch=new.epoch,
        parent=standing.base_seq if standing.tip_seq is None else standing.tip_seq,
        taken_at=true_time(new, standing),
        trigger=new.trigger,
        tree=new.tree,
        file_count=new.file_count,
        size_bytes=new.size_bytes,
        message=new.message,
        author=new.author,
        parked=new.parked,
        pack=new.packs[0].id,
        origin_session=new.origin.session if new.origin else None,
        origin_seq=new.origin.seq if new.origin else None,
    )


def _write(connection: Connection[TupleRow], new: NewVersion, version: Version) -> None:
    Sessions(connection).take_number(new, version.taken_at)
    Epochs(connection).advance(new)
    history = History(connection)
    if new.parent_pack is not None:
        history.end(new, new.delta.gone.union(new.delta.set))
    if new.delta.set:
        history.name_paths(new.session, sorted(new.delta.set))
        history.start(new)
    Versions(connection).record(version)
    if new.retracts and new.moves_head:
        Versions(connection).retract(new.session, new.retracts, RETRACTED)
    Packs(connection).publish(new.packs)
    if new.described:
        Describing(connection).describe(new.described)


def _head_left_behind(
    version: Version, new: NewVersion, standing: Standing
) -> int | None:
    """Return the head of another epoch that a new head does not go out from."""
    if not new.moves_head or standing.head_epoch == new.epoch:
        return None
    return None if standing.head_seq == version.parent else standing.head_seq
