"""The last version of a directory that is gone, from what was taken while it stood.

The last kept tree, everything that was taken early since, and what was deleted by the
removal itself. Needs no network: what the catalog says is for the one who ships.
"""

import hashlib
import math
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.crash import point
from expokeep.log import get
from expokeep.model.digest import Digest, digest_of
from expokeep.model.names import for_terminal, is_safe_path
from expokeep.model.tree import Entry, File, Link, Tree, diff, files_in
from expokeep.snapshot.contents import Early
from expokeep.snapshot.keep import Keeping, Sealed
from expokeep.snapshot.life import TakenLife
from expokeep.snapshot.look import HOLD_BYTES, Look
from expokeep.snapshot.memory import Memory
from expokeep.snapshot.pins import Pin
from expokeep.snapshot.plan import Plan
from expokeep.snapshot.replay import (
    Fresh,
    FreshLink,
    Overlay,
    put_back,
    replayed,
    without_expired,
)
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.values import Moment, Request
from expokeep.spool.early import Believed, Stored
from expokeep.worktree.reading import KeptChanging
from expokeep.worktree.scan import mtime_of

log = get(__name__)

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finisher:
    """Seals last versions. One session is worked on by one thread at a time."""

    snapshotter: Snapshotter
    moment: Moment

    def final(self, taken: TakenLife, owner: str | None) -> Sealed | None:
        """Keep what a directory was when it ended, if that differs from what is kept.

        Raises:
            NoSpace: the spool is full. All that was taken is still there.
            ForeignDirectory: the session is another user's.
            OSError: what was taken cannot be read.
        """
        life = taken.life
        request = Request(
            session=life.session,
            directory=Path(os.fsdecode(life.path)),
            trigger="final",
            owner=owner,
        )
        memory = self.snapshotter.memory(request, life)
        index = memory.index
        if index.pack is None and not index.tree:
            # What it was made of, and whether it was ever kept, only the catalog knows.
            self.snapshotter.standing(request, memory, life)
        removal = taken.removal(taken.end_s)
        with taken.undisturbed():
            policy = self.snapshotter.tools.policy
            drawn = _drawn(taken, memory, removal, policy.max_build_bytes)
            keeping = Keeping(
                self.snapshotter.tools,
                request,
                self.moment,
                life,
                memory,
                Early(drawn.stored, drawn.pinned),
                relied=drawn.relied,
                retracts=tuple(uuid.UUID(bytes=one.pack) for one in removal),
            )
            return _sealed(keeping, drawn)


def _sealed(keeping: Keeping, drawn: "_Drawn") -> Sealed | None:
    """Seal a tree; what cannot be read any more is left as it was kept."""
    base = keeping.memory.index.tree
    while delta := diff(base, drawn.tree):
        seen = Look(drawn.tree, {}, {}, 0, held=drawn.held)
        point("before-final")
        try:
            sealed = keeping.run(seen, Plan(drawn.tree, delta, {}, None), None)
        except KeptChanging as error:
            drawn.give_up_on(error.path, base)
            continue
        point("after-final-seal")
        return sealed
    return None


@dataclass(slots=True)
class _Drawn:
    """A tree, and where the contents are that no version has yet."""

    tree: dict[bytes, Entry] = field(default_factory=dict)
    held: dict[bytes, bytes] = field(default_factory=dict)
    stored: dict[bytes, Stored] = field(default_factory=dict)
    pinned: dict[bytes, int] = field(default_factory=dict)
    relied: frozenset[Digest] = frozenset()
    held_bytes: int = 0

    def copied(self, path: bytes, fresh: Fresh) -> None:
        """Add a file that was copied."""
        taken, data = fresh.taken, fresh.stored.read()
        self.tree[path] = File(digest_of(data), len(data), taken.mode, taken.mtime_ns)
        self.stored[path] = fresh.stored
        if self.held_bytes + len(data) <= HOLD_BYTES:
            self.held[path] = data
            self.held_bytes += len(data)

    def give_up_on(self, path: bytes, base: Tree) -> None:
        """Leave a file as it was kept, or out."""
        log.error("early copy lost", path=for_terminal(path))
        self.tree.pop(path, None)
        self.stored.pop(path, None)
        self.pinned.pop(path, None)
        if path in base:
            self.tree[path] = base[path]


def _drawn(
    taken: TakenLife, memory: Memory, removal: list[Believed], most: int | None
) -> _Drawn:
    """Return what a directory was at its end."""
    base = memory.index.tree
    leaves = replayed(base, taken.reading(memory.index.pack))
    undone = {flattened[0] for one in removal for flattened in one.gone}
    leaves = without_expired(leaves, base, taken.expires_s, undone)
    overlay = Overlay(leaves)
    drawn = _Drawn()
    for path, pin in _fitting(taken, most):
        entry = _pinned(pin) if _counts(pin, taken, path in undone) else None
        if entry is not None:
            overlay.put(path, entry)
            drawn.pinned[path] = pin.fd
    put_back(overlay.leaves, removal)
    for path, leaf in overlay.leaves.items():
        if not is_safe_path(path):
            continue  # a rename made it too long for us
        if isinstance(leaf, Fresh):
            drawn.copied(path, leaf)
        elif isinstance(leaf, FreshLink):
            drawn.tree[path] = Link(leaf.taken.target)
        else:
            drawn.tree[path] = leaf
    mine = drawn.stored.keys() | drawn.pinned.keys()
    drawn.relied = frozenset(
        entry.digest
        for tree in (base, {p: e for p, e in drawn.tree.items() if p not in mine})
        for _, entry in files_in(tree)
    )
    return drawn


def _fitting(taken: TakenLife, most: int | None) -> list[tuple[bytes, Pin]]:
    """Return what is held open, without the largest beyond the size of a build.

    To be read it takes as long as its owner wants: a sparse file costs nothing.
    """
    pins, left = list(taken.pins), math.inf if most is None else most
    fits: set[bytes] = set()
    for path, pin in sorted(pins, key=lambda one: one[1].look.size_bytes):
        left -= pin.look.size_bytes
        if left < 0:
            log.warning("early copies left out", path=for_terminal(path), why="size")
            break
        fits.add(path)
    return [(path, pin) for path, pin in pins if path in fits]


def _counts(pin: Pin, taken: TakenLife, is_undone: bool) -> bool:  # noqa: FBT001
    """Return whether what is held open is a whole file, and was there at the end."""
    if not pin.is_closed:
        return False
    return is_undone or pin.gone_at_s is None or pin.gone_at_s > taken.expires_s


def _pinned(pin: Pin) -> File | None:
    """Name the contents of what is held open, unless somebody wrote to it since."""
    hasher, offset = hashlib.sha256(), 0
    while chunk := os.pread(pin.fd, _CHUNK_BYTES, offset):
        hasher.update(chunk)
        offset += len(chunk)
        if offset > pin.look.size_bytes:
            return None  # it grows, perhaps as fast as it is read
    found = os.fstat(pin.fd)
    now = (found.st_size, mtime_of(found))
    if now != (pin.look.size_bytes, pin.look.mtime_ns) or offset != found.st_size:
        return None
    return File(Digest(hasher.digest()), offset, pin.look.mode, pin.look.mtime_ns)
