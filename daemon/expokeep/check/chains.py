"""Decides whether a session's rows are what its versions say. Pure.

Each version's tree is put together from the rows of its epoch and proved by its digest,
all versions of a chain in one pass.
"""

import hashlib
import itertools
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from expokeep.catalog.evidence import SessionRows, Span, VersionRow
from expokeep.check.values import Finding, Kind
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import File, record

_EMPTY = Digest(hashlib.sha256().digest())


class Growing:
    """A tree that changes from version to version, with its digest and its sums."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._waiting = sorted(spans, key=lambda span: span.first_seq, reverse=True)
        self._ending: list[tuple[int, int, Span]] = []
        self._numbers = itertools.count()
        self._at: dict[bytes, list[Span]] = {}
        self._paths: list[bytes] = []
        self._records: dict[bytes, bytes] = {}
        self.file_count = 0
        self.size_bytes = 0
        self.lost = 0
        """Files whose contents have no row."""
        self.twice = 0
        """Entries of a path that has another one at the same time."""

    def advance(self, seq: int) -> None:
        """Go on to a version; only ever forward."""
        self._end_before(seq)
        while self._waiting and self._waiting[-1].first_seq <= seq:
            span = self._waiting.pop()
            if span.end_seq is None:
                self._start(span)
            elif span.end_seq > seq:
                self._start(span)
                heappush(self._ending, (span.end_seq, next(self._numbers), span))

    @property
    def digest(self) -> Digest:
        """The digest of the tree as it is now."""
        hasher = hashlib.sha256()
        hasher.update(b"".join(map(self._records.__getitem__, self._paths)))
        return Digest(hasher.digest())

    @property
    def is_empty(self) -> bool:
        """Whether there is no row at all."""
        return not self._paths and not self.lost

    def _start(self, span: Span) -> None:
        if span.entry is None:
            self.lost += 1
            return
        self._count(span, 1)
        here = self._at.setdefault(span.path, [])
        if here:
            self.twice += 1
        else:
            insort(self._paths, span.path)
        here.append(span)
        self._records[span.path] = record(span.path, span.entry)

    def _end_before(self, seq: int) -> None:
        while self._ending and self._ending[0][0] <= seq:
            self._end(heappop(self._ending)[2])

    def _end(self, span: Span) -> None:
        if span.entry is None:
            self.lost -= 1
            return
        self._count(span, -1)
        here = self._at[span.path]
        here.remove(span)
        last = here[-1].entry if here else None
        if last is not None:
            self.twice -= 1
            self._records[span.path] = record(span.path, last)
        else:
            del self._at[span.path], self._records[span.path]
            del self._paths[bisect_left(self._paths, span.path)]

    def _count(self, span: Span, by: int) -> None:
        if isinstance(span.entry, File):
            self.file_count += by
            self.size_bytes += by * span.entry.size_bytes


def faults(rows: SessionRows) -> Iterator[Finding]:
    """Yield what is wrong with the rows of a session."""
    yield from _wrong_trees(rows)
    yield from _untold(rows)
    yield from wrong_counters(rows)
    if (lost := _missing_head(rows)) is not None:
        yield Finding("missing-head", lost, session=rows.session)


def _wrong_trees(rows: SessionRows) -> Iterator[Finding]:
    growing = {number: Growing(spans) for number, spans in rows.spans.items()}
    found: dict[Kind, dict[int, str]] = {}
    for version in rows.versions:
        tree = growing.get(version.epoch) or Growing(())
        tree.advance(version.seq)
        fault = _fault_of(version, tree)
        if fault is not None:
            kind, detail = fault
            found.setdefault(kind, {})[version.seq] = detail
    for kind, details in found.items():
        seqs, detail = tuple(details), "; ".join(dict.fromkeys(details.values()))
        if kind == "wrong-counter":  # it restores all the same
            told = f"{_named(rows.session, seqs)}: {detail}"
            yield Finding(kind, told, session=rows.session)
        else:
            affected = {rows.session: seqs}
            yield Finding(kind, detail, session=rows.session, affected=affected)


def _fault_of(version: VersionRow, tree: Growing) -> tuple[Kind, str] | None:
    if tree.lost:
        return "lost-contents", "a file names contents that have no row"
    if tree.twice:
        return "wrong-tree", "a path has two entries at once"
    if tree.is_empty and version.tree != _EMPTY:
        return "no-files", "the version has no entries at all"
    if tree.digest != version.tree:
        return "wrong-tree", "the entries are not those that the version was proved by"
    if (tree.file_count, tree.size_bytes) != (version.file_count, version.size_bytes):
        return "wrong-counter", "its number of files or bytes is not that of its tree"
    return None


def _untold(rows: SessionRows) -> Iterator[Finding]:
    """Yield the versions that no pack tells: a rebuild would not find them."""
    seqs = tuple(one.seq for one in rows.versions if one.teller_state is None)
    if seqs:
        yield Finding(
            "untold-version",
            "the row of the pack that tells it is gone",
            session=rows.session,
            untold={rows.session: seqs},
        )


def wrong_counters(rows: SessionRows) -> Iterator[Finding]:
    """Yield the counters that do not follow the versions."""
    newest = max((one.seq for one in rows.versions), default=0)
    if rows.last_seq < newest:
        detail = f"the counter is at {rows.last_seq}, and there is version {newest}"
        yield Finding("wrong-counter", detail, session=rows.session)
    for epoch in rows.epochs:
        chain = [one for one in rows.versions if one.epoch == epoch.number]
        if not chain:
            continue
        end = chain[-1]
        if (epoch.tip_seq or 0) < end.seq or (
            epoch.tip_seq == end.seq and epoch.tip_pack != end.pack
        ):
            detail = (
                f"epoch {epoch.number} is said to end with {epoch.tip_seq}, and there "
                f"is version {end.seq}"
            )
            yield Finding("wrong-counter", detail, session=rows.session)


def _missing_head(rows: SessionRows) -> str | None:
    if rows.head_seq is None:
        good = any(one.parked is None for one in rows.versions)
        return "there is no head, and there are good versions" if good else None
    if all(one.seq != rows.head_seq for one in rows.versions):
        return f"the head is version {rows.head_seq}, which is not there"
    return None


def _named(session: SessionId, seqs: Sequence[int]) -> str:
    return ", ".join(f"{session}@{seq}" for seq in seqs)
