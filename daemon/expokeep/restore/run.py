"""Restores a version into a directory: stage, prove, rename in.

Runs where the right to write is: in the process of the caller. It needs neither network
nor driver nor secret, only a source of trees and contents.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from expokeep import clock
from expokeep.catalog.values import UNKNOWN_UID, Held
from expokeep.errors import IntegrityError, TargetExists, UsageError
from expokeep.model.digest import Digest, shown
from expokeep.model.names import for_terminal
from expokeep.model.tree import (
    PERMISSIONS,
    File,
    file_count,
    files_in,
    size_bytes,
    tree_digest,
)
from expokeep.restore import plan as plans
from expokeep.restore import target as places
from expokeep.restore import vanishing
from expokeep.restore.blob import Chunk
from expokeep.restore.plan import Existing, Plan
from expokeep.restore.source import Arrival, Offer, Source
from expokeep.worktree import checkout
from expokeep.worktree.checkout import Owner, Staging
from expokeep.worktree.root import Root, opened

LEFT_ALONE = (b"node_modules", b".expo", b".git")
"""Directories that no snapshot keeps, and that a swap hands on to the new tree."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller wants."""

    version: str
    target: Path | None = None
    """None: the session's own directory."""
    globs: tuple[bytes, ...] = ()
    existing: Existing = "refuse"
    dry_run: bool = False
    force: bool = False
    """Take the session over, even from a host that is alive."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of it."""

    offer: Offer
    target: Path
    action: plans.Action
    file_count: int
    size_bytes: int
    fetched_bytes: int
    """Contents that came from the source; the rest was there already."""
    replaced: Path | None
    """Where the tree is now that was at the target before."""
    took_s: float = 0.0
    """From the question to the source until all was in its place."""


Progress = Callable[[int, int], None]
"""Called with bytes done and bytes to do."""


def restore(
    source: Source, wish: Wish, progress: Progress = lambda _done, _of: None
) -> Result:
    """Bring a version back.

    Raises:
        NotFound: no such version, or a glob matches nothing.
        TargetExists: the target is occupied and the caller did not say what to do.
        Held: another host that is alive holds the session, and it was to live here.
        IntegrityError: what came is not what was kept. The target is untouched.
        NoSpace: it would not fit.
        TargetUnusable: the file system does not let us.
    """
    started_s = clock.monotonic_s()
    result = _restored(source, wish, progress)
    return replace(result, took_s=clock.monotonic_s() - started_s)


def _restored(source: Source, wish: Wish, progress: Progress) -> Result:
    offer = source.offer(wish.version)
    if tree_digest(offer.tree) != offer.version.tree:
        raise IntegrityError(
            f"the tree of {for_terminal(wish.version.encode())} is not the one that "
            "was kept"
        )
    target = _target(wish, offer)
    if wish.existing == "keep":
        vanishing.wait_for_end(target)
    found, name = places.state(target), places.name_of(target)
    plan = plans.decide(offer.tree, wish.globs, found, wish.existing, name)
    if plan.action == "nothing":
        return _result(offer, target, plan, 0, None)
    if offer.held_by is not None and not wish.force and _is_home(offer, target, plan):
        raise Held(offer.version.session, offer.held_by)
    places.require_room(target, plan.tree, offer.reserve)
    if wish.dry_run:
        return _result(offer, target, plan, 0, None)
    act = _Act(source, offer, target, plan, progress, is_forced=wish.force)
    try:
        with places.refusals_named(target):
            return act.run()
    except TargetExists:
        # Somebody made a project there meanwhile: to leave it is what was asked.
        if wish.existing != "keep" or places.state(target) != "occupied":
            raise
        return _result(offer, target, Plan("nothing", offer.tree), 0, None)


@dataclass(slots=True)
class _Act:
    """One restore under way."""

    source: Source
    offer: Offer
    target: Path
    plan: Plan
    progress: Progress
    is_forced: bool
    done_bytes: int = 0
    fetched_bytes: int = 0
    total_bytes: int = 0
    left: dict[Digest, list[bytes]] = field(default_factory=dict)

    def run(self) -> Result:
        """Stage everything, then show it."""
        by_digest: dict[Digest, list[bytes]] = defaultdict(list)
        for path, entry in files_in(self.plan.tree):
            by_digest[entry.digest].append(path)
        self.left, self.total_bytes = dict(by_digest), size_bytes(self.plan.tree)
        owner = _owner(self.offer)
        with checkout.staging(self.target, self.plan.tree, owner) as staged:
            staged.make_directories()
            if self.plan.action == "swap":
                self._reuse(staged)
            self._fetch(staged)
            staged.settle()
            staged.sync()
            if self.plan.tree == self.offer.tree:
                # A part must not go on as the project: all else would count as gone.
                self.source.arriving(self._arrival(staged))
            replaced = self._show(staged)
        return _result(self.offer, self.target, self.plan, self.fetched_bytes, replaced)

    def _reuse(self, staged: Staging) -> None:
        """Take from the old tree what is already right, as its bytes prove."""
        with opened(self.target) as old:
            for digest, paths in list(self.left.items()):
                right = (path for path in paths if _is_taken(staged, old, path))
                if (first := next(right, None)) is not None:
                    del self.left[digest]
                    self._spread(staged, first, paths)

    def _fetch(self, staged: Staging) -> None:
        if not self.left:
            return
        for digest, size, chunks in self.source.blobs(self.offer, list(self.left)):
            paths = self.left.pop(digest, None)
            if paths is None:
                raise IntegrityError(f"{shown(digest)} came, and nobody asked for it")
            staged.write(paths[0], self._counted(chunks))
            self.fetched_bytes += size
            self._spread(staged, paths[0], paths)
        if self.left:
            raise IntegrityError(f"{len(self.left)} contents did not come back")

    def _counted(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Tell how far we are while a file comes: a large one takes a while."""
        come_bytes = 0
        for chunk in chunks:
            yield chunk
            come_bytes += len(chunk)
            self.progress(self.done_bytes + come_bytes, self.total_bytes)

    def _spread(self, staged: Staging, first: bytes, paths: list[bytes]) -> None:
        """Give the same contents to every path that has them."""
        for path in paths:
            if path != first:
                staged.copy(first, path)
            entry = self.plan.tree[path]
            if isinstance(entry, File):
                self.done_bytes += entry.size_bytes
            self.progress(self.done_bytes, self.total_bytes)

    def _arrival(self, staged: Staging) -> Arrival:
        version, identity = self.offer.version, staged.identity()
        return Arrival(
            version.session,
            version.seq,
            self.target,
            *identity,
            force=self.is_forced,
            pack=version.pack,
        )

    def _show(self, staged: Staging) -> Path | None:
        name = os.fsencode(self.target.name)
        if self.plan.action == "create":
            staged.publish(name)
            return None
        return self.target.with_name(os.fsdecode(staged.swap(name, LEFT_ALONE)))


def _is_taken(staged: Staging, old: Root, path: bytes) -> bool:
    """Write a file from the old tree; return whether it is what it is to be."""
    try:
        staged.write(path, checkout.contents(old.descriptor, path))
    except (OSError, IntegrityError):
        return False  # missing, or other bytes than the tree names: it will be fetched
    return True


def _is_home(offer: Offer, target: Path, plan: Plan) -> bool:
    """Return whether a restore is where the session lives here, and all of it."""
    is_whole = plan.tree == offer.tree
    return is_whole and offer.home is not None and target == offer.home.absolute()


def _target(wish: Wish, offer: Offer) -> Path:
    target = wish.target or offer.home
    if target is None:
        raise UsageError(f"{wish.version} has no home on this host; name one with --to")
    return target.absolute()


def _owner(offer: Offer) -> Owner:
    """Return to whom files are given: only root may give them away.

    Raises:
        IntegrityError: there can be nobody who has such an id.
    """
    mode = offer.mode & PERMISSIONS
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid(), mode)
    if not all(0 <= one <= UNKNOWN_UID for one in (offer.uid, offer.gid)):
        raise IntegrityError(f"this version is of nobody: {offer.uid}:{offer.gid}")
    return Owner(offer.uid, offer.gid, mode)


def _result(
    offer: Offer, target: Path, plan: Plan, fetched: int, replaced: Path | None
) -> Result:
    nothing = plan.action == "nothing"
    return Result(
        offer=offer,
        target=target,
        action=plan.action,
        file_count=0 if nothing else file_count(plan.tree),
        size_bytes=0 if nothing else size_bytes(plan.tree),
        fetched_bytes=fetched,
        replaced=replaced,
    )
