"""Fetches contents: ranges in parallel, a bounded number ahead.

Frames are unfolded where they are fetched, beside the next ones. What comes is what
was packed, as the checksum of each frame says; that it is what a digest asked for is
for the one to prove who uses it.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from expokeep.catalog.values import Place
from expokeep.errors import BlobMissing
from expokeep.log import get
from expokeep.model.digest import Digest, shown
from expokeep.pack.format import BlobSpan, PackDamaged
from expokeep.pack.reader import frame_contents, stream_blob
from expokeep.restore.blob import Blob, Chunk
from expokeep.restore.cache import RangeCache
from expokeep.restore.ranges import RANGE_BYTES, Range, coalesced, pieces
from expokeep.store.base import ObjectMissing, Store

log = get(__name__)

Relocate = Callable[[Collection[Digest]], Mapping[Digest, Place]]
"""Tells where contents are now: a merge may have moved them since we asked."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Brings contents home from the bucket."""

    store: Store
    cache: RangeCache
    executor: Executor
    ahead: int
    """How many ranges are on their way at most."""

    def blobs(self, places: Collection[Place], relocate: Relocate) -> Iterator[Blob]:
        """Yield every one of these contents, in the order in which they lie.

        What was fetched is dropped from the cache when all of it was yielded, and stays
        there for the next try when the caller stops early.

        Raises:
            BlobMissing: an object is gone, and the catalog knows no other place.
            PackDamaged: a frame is not what was packed.
        """
        yield from _Journey(self, relocate).blobs(places)


@dataclass(slots=True)
class _Journey:
    fetcher: Fetcher
    relocate: Relocate
    fetched: list[tuple[str, int, int]] = field(default_factory=list)
    is_damaged: bool = False

    def blobs(self, places: Collection[Place]) -> Iterator[Blob]:
        waiting = iter(coalesced(places))
        under_way: deque[tuple[Range, list[Future[Any]]]] = deque()
        try:
            while True:
                self._start_some(waiting, under_way)
                if not under_way:
                    break
                whole, parts = under_way.popleft()
                yield from self._unwrapped(whole, parts)
            self.fetcher.cache.drop(self.fetched)
        except PackDamaged:
            self._distrust()
            raise
        finally:
            for _, parts in under_way:
                for part in parts:
                    part.cancel()
            self.fetcher.cache.trim()

    def _start_some(
        self,
        waiting: Iterator[Range],
        under_way: deque[tuple[Range, list[Future[Any]]]],
    ) -> None:
        while sum(len(parts) for _, parts in under_way) < self.fetcher.ahead:
            whole = next(waiting, None)
            if whole is None:
                return
            under_way.append((whole, self._start(whole)))

    def _start(self, whole: Range) -> list[Future[Any]]:
        """Begin to fetch a range; of a large one only its first parts."""
        if not whole.is_streamed:
            return [self.fetcher.executor.submit(self._unfolded, whole)]
        parts = pieces(whole, most=RANGE_BYTES)[: self.fetcher.ahead]
        return [self._submit(whole.key, start, length) for start, length in parts]

    def _submit(self, key: str, start: int, length: int) -> Future[Any]:
        return self.fetcher.executor.submit(self._range, key, start, length)

    def _range(self, key: str, start: int, length: int) -> bytes:
        cached = self.fetcher.cache.get(key, start, length)
        self.fetched.append((key, start, length))
        if cached is None:
            cached = self.fetcher.store.get(key, start, length)
            self.fetcher.cache.put(key, start, cached)
            if self.is_damaged:  # found while this was under way
                self.fetcher.cache.drop([(key, start, length)])
        return cached

    def _unfolded(self, whole: Range) -> dict[int, bytes]:
        """Return what the frames of a range hold, by their offsets in the object.

        Bytes that are wrong were damaged on the way, or by the disk that holds the
        cache, more often than in the bucket: which is asked once more.
        """
        span = (whole.key, whole.start, whole.length)
        try:
            return self._frames(whole, self._range(*span))
        except PackDamaged as error:
            log.info("fetched again", key=whole.key, reason=str(error))
            self.fetcher.cache.drop([span])
            return self._frames(whole, self._range(*span))

    def _frames(self, whole: Range, fetched: bytes) -> dict[int, bytes]:
        data = memoryview(fetched)
        frames: dict[int, bytes] = {}
        for place in whole.places:
            if place.frame_offset not in frames:
                start = place.frame_offset - whole.start
                compressed = data[start : start + place.frame_length]
                raw = frame_contents(compressed, place.frame_raw_length)
                frames[place.frame_offset] = raw
        return frames

    def _unwrapped(self, whole: Range, parts: list[Future[Any]]) -> Iterator[Blob]:
        try:
            first = parts[0].result()
        except ObjectMissing as error:
            yield from self._elsewhere(whole, error)
            return
        if not whole.is_streamed:
            for place in whole.places:
                raw = memoryview(first[place.frame_offset])
                contents = raw[place.offset : place.offset + place.size_bytes]
                yield place.digest, place.size_bytes, (contents,)
            return
        (place,) = whole.places
        yield place.digest, place.size_bytes, self._streamed(whole, parts, place)

    def _streamed(
        self, whole: Range, parts: list[Future[Any]], place: Place
    ) -> Iterator[Chunk]:
        """Yield a large content; wrong bytes are told when some are out already."""
        try:
            yield from stream_blob(self._chunks(whole, parts), _span(place))
        except PackDamaged:
            self._distrust()
            raise

    def _distrust(self) -> None:
        """Forget what was fetched: the next try must not find the same wrong bytes."""
        self.is_damaged = True
        self.fetcher.cache.drop(self.fetched)

    def _chunks(self, whole: Range, parts: list[Future[Any]]) -> Iterator[bytes]:
        """Yield the parts of a large range, asking for one more as each is used."""
        under_way = deque(parts)
        rest = iter(pieces(whole, most=RANGE_BYTES)[len(parts) :])
        parts.clear()  # who still holds the list must not hold what was used up
        while under_way:
            chunk = under_way.popleft().result()
            if (following := next(rest, None)) is not None:
                under_way.append(self._submit(whole.key, *following))
            yield chunk

    def _elsewhere(self, whole: Range, error: ObjectMissing) -> Iterator[Blob]:
        """Ask the catalog again: a merge moves contents to another object."""
        digests = [place.digest for place in whole.places]
        moved = self.relocate(digests)
        for digest in digests:
            if digest not in moved or moved[digest].key == whole.key:
                raise BlobMissing(shown(digest), whole.key) from error
        log.info("contents moved meanwhile", key=whole.key, blobs=len(digests))
        yield from self.blobs(list(moved.values()))


def _span(place: Place) -> BlobSpan:
    return BlobSpan(place.digest, 0, place.offset, place.size_bytes)
