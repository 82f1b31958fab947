"""Builds the packs of a snapshot into the spool. From there on it is not lost."""

import uuid
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from expokeep import clock
from expokeep.catalog.values import PackKind, PackRecord
from expokeep.errors import FileChanged
from expokeep.model.digest import Digest
from expokeep.model.tree import (
    Delta,
    File,
    Tree,
    file_count,
    files_in,
    size_bytes,
    tree_digest,
)
from expokeep.pack.format import BIG_FILE_BYTES, Manifest, SnapRecord
from expokeep.pack.key import PackName, pack_key
from expokeep.pack.writer import FinishedPack, PackWriter
from expokeep.snapshot.contents import Contents
from expokeep.snapshot.look import Look
from expokeep.snapshot.values import Moment, Policy, Request
from expokeep.spool.spool import Note, Spool, SpooledPack, SpoolEntry
from expokeep.worktree.reading import KeptChanging


@dataclass(frozen=True, slots=True)
class Content:
    """A file whose contents go into a pack."""

    path: bytes
    entry: File


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Which packs a snapshot needs, and what goes into each."""

    main: PackRecord
    small: tuple[Content, ...]
    big: tuple[tuple[PackRecord, Content], ...]
    reused: frozenset[Digest]

    @property
    def packs(self) -> tuple[PackRecord, ...]:
        """All of them, the snapshot's own first."""
        return (self.main, *(pack for pack, _ in self.big))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is recorded: the delta, and the place in the chain that it has."""

    request: Request
    moment: Moment
    tree: Tree
    delta: Delta
    is_full: bool
    seq: int
    parent_seq: int | None
    parent_pack: uuid.UUID | None
    epoch: int


def contents_of(delta: Delta) -> dict[Digest, Content]:
    """Return each of the contents that a delta names, once, by digest."""
    named: dict[Digest, Content] = {}
    for path, entry in sorted(files_in(delta.set)):
        named.setdefault(entry.digest, Content(path, entry))
    return named


def pack_record(
    subject: Subject, policy: Policy, kind: PackKind, pack: uuid.UUID
) -> PackRecord:
    """Return a pack that does not exist yet; its key tells its seq for people."""
    name = PackName(policy.scope, subject.request.session, subject.seq, 0, pack)
    return PackRecord(pack, pack_key(name, policy.key_prefix), kind, 0, 0)


def blueprint(
    subject: Subject, policy: Policy, main: PackRecord, kept: frozenset[Digest]
) -> Blueprint:
    """Decide what goes where: what is kept already is only named."""
    named = contents_of(subject.delta)
    fresh = [content for digest, content in named.items() if digest not in kept]
    big = [one for one in fresh if one.entry.size_bytes >= BIG_FILE_BYTES]
    return Blueprint(
        main=main,
        small=tuple(one for one in fresh if one.entry.size_bytes < BIG_FILE_BYTES),
        big=tuple(
            (pack_record(subject, policy, "big", clock.uuid7()), one) for one in big
        ),
        reused=frozenset(named) & kept,
    )


@dataclass(frozen=True, slots=True)
class Builder:
    """Turns a blueprint into an entry of the spool."""

    spool: Spool
    policy: Policy
    executor: Executor

    def build(
        self,
        contents: Contents,
        seen: Look,
        subject: Subject,
        plan: Blueprint,
        note: Note,
    ) -> tuple[SpoolEntry, tuple[Manifest, ...]]:
        """Write every pack and seal them; `note` comes without packs.

        Raises:
            KeptChanging: a file is not any more what the scan saw.
            NoSpace: the spool's disk is full. Nothing was sealed.
        """
        with self.spool.draft(subject.request.session, plan.main.id) as draft:
            big = [
                self._big(draft, contents, subject, pack, content)
                for pack, content in plan.big
            ]
            own = self._main(draft, contents, seen, subject, plan)
            finished = [own, *big]
            packs = tuple(
                SpooledPack(
                    id=record.id,
                    file_name=pack.path.name,
                    key=record.key,
                    kind=record.kind,
                    level=record.level,
                    size_bytes=pack.size_bytes,
                    sha256=Digest(pack.sha256),
                )
                for record, pack in zip(plan.packs, finished, strict=True)
            )
            reused = tuple(sorted(plan.reused))
            entry = self.spool.seal(draft, replace(note, packs=packs, reused=reused))
        return entry, tuple(pack.manifest for pack in finished)

    def _main(
        self,
        draft: Path,
        contents: Contents,
        seen: Look,
        subject: Subject,
        plan: Blueprint,
    ) -> FinishedPack:
        level = (
            self.policy.base_level if subject.is_full else self.policy.incremental_level
        )
        with PackWriter(draft, level, executor=self.executor) as writer:
            for content in plan.small:
                data = seen.held.get(content.path)
                if data is None:
                    data = contents.read(content.path, content.entry)
                writer.add(content.path, content.entry, data)
            deps = tuple(pack.id for pack, _ in plan.big)
            snap = _snap(subject)
            manifest = self._manifest(subject, plan.main, snaps=(snap,), deps=deps)
            return writer.finish(manifest, fsync=self.policy.fsync)

    def _big(
        self,
        draft: Path,
        contents: Contents,
        subject: Subject,
        pack: PackRecord,
        content: Content,
    ) -> FinishedPack:
        entry = content.entry
        with (
            PackWriter(draft, self.policy.base_level) as writer,
            contents.open(content.path) as source,
        ):
            try:
                digest = writer.add_stream(
                    content.path,
                    source,
                    entry.size_bytes,
                    mode=entry.mode,
                    mtime_ns=entry.mtime_ns,
                )
            except FileChanged as error:
                raise KeptChanging(content.path) from error
            if digest != entry.digest:
                raise KeptChanging(content.path)
            manifest = self._manifest(subject, pack)
            return writer.finish(manifest, fsync=self.policy.fsync)

    def _manifest(
        self,
        subject: Subject,
        pack: PackRecord,
        snaps: tuple[SnapRecord, ...] = (),
        deps: tuple[uuid.UUID, ...] = (),
    ) -> Manifest:
        return Manifest(
            pack=pack.id,
            kind=pack.kind,
            level=pack.level,
            scope=self.policy.scope,
            session=subject.request.session,
            epoch=subject.epoch,
            created=subject.moment.at,
            snaps=snaps,
            deps=deps,
        )


def _snap(subject: Subject) -> SnapRecord:
    return SnapRecord(
        seq=subject.seq,
        parent=subject.parent_seq,
        at=subject.moment.at,
        full=subject.is_full,
        tree=tree_digest(subject.tree),
        file_count=file_count(subject.tree),
        size_bytes=size_bytes(subject.tree),
        delta=subject.delta,
    )
