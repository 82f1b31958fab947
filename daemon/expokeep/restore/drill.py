"""Drills: a version is restored from the bucket alone, proved, and thrown away.

The catalog says where contents are; the bytes come from the bucket and from nowhere
else: no spool, no cache, no old tree. What was written is then read back from disk, so
that a receipt says what a user would have found.
"""

import contextlib
import datetime
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from expokeep import clock
from expokeep.catalog.base import Catalog
from expokeep.catalog.evidence import Proofs
from expokeep.errors import IntegrityError, NoSpace
from expokeep.model import size
from expokeep.model.digest import Digest
from expokeep.model.tree import Entry, tree_digest
from expokeep.model.version import Version
from expokeep.restore.blob import Blob
from expokeep.restore.cache import RangeCache
from expokeep.restore.fetch import Fetcher
from expokeep.restore.receipts import (
    DrillProgress,
    Receipt,
    ReceiptDocument,
    receipt_document,
)
from expokeep.restore.run import Progress, Wish, restore
from expokeep.restore.source import Arrival, Offer
from expokeep.worktree.reading import read
from expokeep.worktree.root import opened
from expokeep.worktree.scan import Limits, survey

_NO_LIMIT = Limits(max_file_bytes=2**63 - 1)


class Sampler(Protocol):
    """Picks versions. `catalog.drilling` answers."""

    def some(self, count: int, *, seed: str, at_most_bytes: int) -> list[Version]:
        """Return versions of sessions that are not deleted, other ones for each seed.

        None that is known to be damaged, and none that is larger.
        """
        ...


class NoCache(RangeCache):
    """Keeps nothing: every byte comes from the bucket."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull), 0)

    def get(self, key: str, start: int, length: int) -> bytes | None:
        """Return nothing."""
        del key, start, length
        return None

    def put(self, key: str, start: int, data: bytes) -> None:
        """Keep nothing."""

    def drop(self, ranges: object) -> None:
        """Forget nothing."""

    def trim(self) -> None:
        """Trim nothing."""


@dataclass(frozen=True, slots=True)
class BucketSource:
    """One version, straight from the bucket. Nobody learns that it was restored."""

    catalog: Catalog
    fetcher: Fetcher
    wanted: Version

    def offer(self, version: str) -> Offer:
        """Return the version, whatever it is called."""
        del version
        kept = self.catalog.kept(self.wanted)
        root = kept.root
        return Offer(kept.version, kept.tree, root.uid, root.gid, root.mode, None)

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        """Yield contents, each once, in any order."""
        del offer
        places = self.catalog.kept(self.wanted).places
        wanted = [places[digest] for digest in digests]
        return self.fetcher.blobs(wanted, self.catalog.places)

    def arriving(self, arrival: Arrival) -> None:
        """Tell nobody: it will not stay."""


@dataclass(frozen=True, slots=True)
class Drill:
    """Drills on one host."""

    catalog: Catalog
    sampler: Sampler
    proofs: Proofs
    fetcher: Fetcher
    scratch: Path
    """A directory of our own; what a drill that was killed left there is removed."""
    host: str
    now: Callable[[], datetime.datetime]
    min_free_bytes: int = 0
    """Of the disk, for what is not in the bucket yet."""

    def drill(
        self, version: Version, progress: Progress = lambda _done, _of: None
    ) -> Receipt:
        """Restore a version, prove it, throw it away, and write down what came of it.

        What is damaged is said by the receipt, and is no error.

        Raises:
            BackendUnreachable, AccessDenied, NoSpace: nothing was proved, or disproved.
        """
        began_s, started_at = clock.monotonic_s(), self.now()
        receipt = Receipt(version, self.host, started_at)
        try:
            receipt = self._proved(receipt, progress)
        except IntegrityError as error:
            receipt = replace(receipt, is_well=False, error=str(error))
        receipt = replace(receipt, took_s=clock.monotonic_s() - began_s)
        self.proofs.record(
            "drill", started_at, is_well=receipt.is_well, body=body_of(receipt)
        )
        return receipt

    def _proved(self, receipt: Receipt, progress: Progress) -> Receipt:
        version = receipt.version
        source = BucketSource(
            self.catalog, replace(self.fetcher, cache=NoCache()), version
        )
        with self._place(version.size_bytes) as place:
            wish = Wish(f"{version.session}@{version.seq}", place / "tree")
            result = restore(source, wish, progress)
            found = tree_digest(on_disk(result.target))
        if found != version.tree:
            raise IntegrityError("what was written to disk is not what was kept")
        return replace(
            receipt,
            file_count=result.file_count,
            size_bytes=result.size_bytes,
            fetched_bytes=result.fetched_bytes,
            tree=found,
        )

    @contextlib.contextmanager
    def _place(self, needed_bytes: int) -> Iterator[Path]:
        """Give an empty directory that is gone in the end."""
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_abandoned()
        free_bytes = shutil.disk_usage(self.scratch).free
        if free_bytes < needed_bytes + self.min_free_bytes:
            raise NoSpace(
                f"a drill of {size.shown(needed_bytes)} would leave too little room "
                f"in {self.scratch}"
            )
        place = self.scratch / f"{os.getpid()}-{uuid.uuid4().hex}"
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            _remove(place)

    def _remove_abandoned(self) -> None:
        for left in self.scratch.iterdir():
            pid = left.name.partition("-")[0]
            if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
                _remove(left)


def drilled(
    drill: Drill, versions: Iterable[Version]
) -> Iterator[DrillProgress | ReceiptDocument]:
    """Drill one version after the other; yield which one is next, and its receipt."""
    for version in versions:
        yield DrillProgress(
            done_bytes=0,
            total_bytes=version.size_bytes,
            phase=f"{version.session}@{version.seq}",
        )
        yield receipt_document(drill.drill(version))


def on_disk(directory: Path) -> dict[bytes, Entry]:
    """Return the tree of a directory, every file read.

    Raises:
        IntegrityError: something in it cannot be read.
    """
    with opened(directory) as root:
        found = survey(root, lambda _path, _is_directory: False, {}, _NO_LIMIT)
        if found.skipped:
            path, reason = next(iter(found.skipped.items()))
            raise IntegrityError(f"{path!r} was written and is {reason}")
        entries = dict(found.entries)
        for suspect in found.suspects:
            contents = read(root, suspect, None, young_ns=0, hold_bytes=0)
            entries[suspect.path] = contents.entry
    return entries


def body_of(receipt: Receipt) -> dict[str, object]:
    """Return what is written down of a drill."""
    version = receipt.version
    return {
        "session": version.session,
        "seq": version.seq,
        "error": receipt.error,
        "files": receipt.file_count,
        "size_bytes": receipt.size_bytes,
        "fetched_bytes": receipt.fetched_bytes,
        "took_s": round(receipt.took_s, 3),
    }


def _remove(place: Path) -> None:
    """Remove a tree, also one whose directories may not be written to."""
    for directory, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            Path(directory).chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)
