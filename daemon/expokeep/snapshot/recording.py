"""What an entry of the spool becomes in the catalog: values into values."""

from collections.abc import Sequence

from expokeep.catalog.values import NewVersion, Opened, PackRecord, Place, RootOwner
from expokeep.model.guard import Life
from expokeep.pack.format import Manifest
from expokeep.pack.reader import PackFile
from expokeep.spool.spool import Note, SpooledPack, SpoolEntry


def manifests_of(entry: SpoolEntry) -> tuple[Manifest, ...]:
    """Return what the packs of an entry say of themselves, from disk."""
    found = []
    for pack in entry.note.packs:
        with PackFile(entry.path_of(pack)) as file:
            found.append(file.manifest)
    return tuple(found)


def record_of(pack: SpooledPack) -> PackRecord:
    """Return a pack as the catalog knows it."""
    return PackRecord(pack.id, pack.key, pack.kind, pack.level, pack.size_bytes)


def _places(note: Note, manifests: Sequence[Manifest]) -> tuple[Place, ...]:
    return tuple(
        Place(
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            pack=pack.id,
            key=pack.key,
            frame_offset=manifest.frames[blob.frame].offset,
            frame_length=manifest.frames[blob.frame].length,
            frame_raw_length=manifest.frames[blob.frame].raw_length,
            offset=blob.offset,
        )
        for pack, manifest in zip(note.packs, manifests, strict=True)
        for blob in manifest.blobs
    )


def life_of(note: Note, opened: Opened) -> Life:
    """Return how a snapshot's epoch stands to the head of its session."""
    same_epoch = opened.epoch == opened.head_epoch
    return Life(
        is_first=opened.head_seq is None,
        continues_head=same_epoch or opened.base_seq is not None,
        is_whole=note.is_whole,
        is_edited=note.is_edited,
    )


def new_version(
    entry: SpoolEntry,
    manifests: Sequence[Manifest],
    opened: Opened,
    parked: str | None,
) -> NewVersion:
    """Return all that a commit writes; with a reason to park it, it is no head."""
    note, snap = entry.note, manifests[0].snaps[0]
    return NewVersion(
        session=note.session,
        fence=opened.fence,
        seq=opened.last_seq + 1,
        epoch=opened.epoch,
        parent_pack=note.parent_pack,
        taken_at=note.taken_at,
        trigger=note.trigger,
        tree=snap.tree,
        file_count=snap.file_count,
        size_bytes=snap.size_bytes,
        delta=snap.delta,
        packs=tuple(record_of(pack) for pack in note.packs),
        places=_places(note, manifests),
        reused=frozenset(note.reused),
        moves_head=parked is None,
        message=note.message,
        author=note.author,
        parked=parked,
        project_name=note.project_name,
        root=RootOwner(note.root_uid, note.root_gid, note.root_mode),
        described=note.described,
        retracts=note.retracts,
        origin=note.origin,
    )
