"""Decides which snapshots that wait may become one, and what that one tells. Pure.

The spool has a bound. At the bound a session gives up states that it went through on
the way to the newest, never the newest itself, and never the last good one before most
of it was lost: that one is what a person will ask for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from expokeep.model.digest import Digest
from expokeep.model.tree import Delta, Entry, File, files_in
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.spool.entry import OVERHEAD_BYTES, Note, SpoolEntry

WORTH = 4
"""A fold is made when at least one part in so many of its bytes is superseded."""
MAX_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A snapshot that waits, and what its packs say."""

    entry: SpoolEntry
    manifests: tuple[Manifest, ...]

    @property
    def note(self) -> Note:
        """What its packs do not say."""
        return self.entry.note

    @property
    def snap(self) -> SnapRecord:
        """The version that it is to become."""
        return self.manifests[0].snaps[0]


Run = Sequence[Waiting]
"""Snapshots of one life of a directory, each going out from the one before it."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One snapshot in the place of several."""

    snap: SnapRecord
    note: Note
    """Without packs."""
    contents: Mapping[Digest, tuple[bytes, File]]
    """What it names that no other pack holds, and a path at which it has it."""


def runs(waiting: Run, *, hard: bool) -> list[list[Waiting]]:
    """Return what may become one, of all that waits for a session.

    Args:
        waiting: in the order of recording.
        hard: also what somebody asked for, and the oldest, which may be in the bucket
            already. Otherwise versions of people's stay versions of their own.
    """
    by_life: dict[tuple[int, int, int], list[list[Waiting]]] = {}
    for one in waiting if hard else waiting[1:]:
        life = (one.note.device, one.note.inode, one.note.birth_ns)
        found = by_life.setdefault(life, [[]])
        if found[-1] and not _may_follow(found[-1][-1], one, hard=hard):
            found.append([])
        found[-1].append(one)
    return [run for lives in by_life.values() for run in lives if len(run) > 1]


def together(waiting: Run, run: Run) -> bool:
    """Return whether nothing of another directory comes between the parts of a run.

    Only then may the oldest of a session move to the place of the newest: which
    version is a session's first decides about its head.

    >>> together("abc", "ab"), together("abc", "ac"), together("abcd", "bd")
    (True, False, True)
    """
    return run[0] != waiting[0] or list(waiting[: len(run)]) == list(run)


def is_worth_it(run: Run) -> bool:
    """Return whether a fold frees enough to be written."""
    whole_bytes = sum(one.entry.disk_bytes for one in run)
    wanted = _contents(_merged(run), run)
    told_bytes = max(_told_bytes(one) for one in run)
    left_bytes = OVERHEAD_BYTES + told_bytes + sum(_held_bytes(run, wanted))
    return (whole_bytes - left_bytes) * WORTH >= whole_bytes


def folded(run: Run) -> Fold:
    """Return the one snapshot that a run becomes."""
    first, newest = _from_full(run)[0], run[-1]
    delta = _merged(run)
    snap = replace(
        newest.snap,
        seq=first.snap.seq,
        parent=first.snap.parent,
        full=first.snap.full,
        delta=delta,
    )
    contents = _contents(delta, run)
    named = {entry.digest for _, entry in files_in(delta.set)}
    note = replace(
        _note([one.note for one in run]),
        parent_pack=first.note.parent_pack,
        reused=tuple(sorted(named - contents.keys())),
        folds=tuple(one.entry.pack for one in run),
    )
    return Fold(snap, note, contents)


def _may_follow(before: Waiting, after: Waiting, *, hard: bool) -> bool:
    """Return whether what comes after may take the place of what is before it."""
    follows = after.snap.full or after.note.parent_pack == before.entry.pack
    # One is the last good state, the other what a person must look at.
    suspicious = after.note.loss is not None or before.note.loss is not None
    # Another host had the session in between: they will not be recorded side by side.
    same_owner = len({before.note.fence, after.note.fence} - {None}) < 2
    is_let_go = hard or not _is_asked_for(before.note)
    return follows and same_owner and not suspicious and is_let_go


def _is_asked_for(note: Note) -> bool:
    return bool(note.trigger != "auto" or note.message or note.is_forced)


def _from_full(run: Run) -> Run:
    """Return a run from its last snapshot on that tells a whole tree."""
    starts = [number for number, one in enumerate(run) if one.snap.full]
    return run[starts[-1] :] if starts else run


def _merged(run: Run) -> Delta:
    """Return what all deltas of a run together do."""
    run = _from_full(run)
    told: dict[bytes, Entry] = {}
    gone: set[bytes] = set()
    for one in run:
        delta = one.snap.delta
        gone = (gone | delta.gone) - delta.set.keys()
        for path in delta.gone:
            told.pop(path, None)
        told.update(delta.set)
    return Delta(told, frozenset() if run[0].snap.full else frozenset(gone))


def _contents(delta: Delta, run: Run) -> dict[Digest, tuple[bytes, File]]:
    held = {
        blob.digest
        for one in run
        for manifest in one.manifests
        for blob in manifest.blobs
    }
    found: dict[Digest, tuple[bytes, File]] = {}
    for path, entry in sorted(files_in(delta.set)):
        if entry.digest in held:
            found.setdefault(entry.digest, (path, entry))
    return found


def _told_bytes(one: Waiting) -> int:
    """Return how much of a snapshot's own pack is its manifest."""
    frames = sum(frame.length for frame in one.manifests[0].frames)
    return one.note.packs[0].size_bytes - frames


def _held_bytes(run: Run, wanted: Iterable[Digest]) -> Iterable[int]:
    """Yield about how many bytes the contents that are wanted take in their packs."""
    left = set(wanted)
    for manifest in (manifest for one in run for manifest in one.manifests):
        for blob in manifest.blobs:
            if blob.digest in left:
                left.remove(blob.digest)
                frame = manifest.frames[blob.frame]
                yield frame.length * (blob.size_bytes + 512) // frame.raw_length


def _note(notes: Sequence[Note]) -> Note:
    """Return what several notes say together; what they say of packs is not in it."""
    folded = {note.packs[0].id for note in notes}
    retracted = [pack for note in notes for pack in note.retracts if pack not in folded]
    asked = [note.trigger for note in notes if note.trigger != "auto"]
    return replace(
        notes[-1],
        packs=(),
        trigger=asked[-1] if asked else "auto",
        message=_message(notes),
        author=_last(note.author for note in notes),
        owner=_last(note.owner for note in notes),
        project_name=_last(note.project_name for note in notes),
        is_edited=any(note.is_edited for note in notes),
        is_forced=any(note.is_forced for note in notes),
        retracts=tuple(dict.fromkeys(retracted)),
        since=min(note.waits_since for note in notes),
    )


def _message(notes: Sequence[Note]) -> str | None:
    """Return what people said of any of these, each of it once."""
    said = dict.fromkeys(note.message for note in notes if note.message)
    return "; ".join(said)[:MAX_MESSAGE] or None


def _last(words: Iterable[str | None]) -> str | None:
    known = [word for word in words if word is not None]
    return known[-1] if known else None
