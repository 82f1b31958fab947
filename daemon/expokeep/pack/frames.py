"""The data frames of a pack that is being made: compressed, in order, where they lie.

With an executor, frames are compressed while the next ones are filled; a few at most
are on their way, so memory stays bounded.
"""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import IO

from expokeep.model.digest import Digest
from expokeep.pack import zstd
from expokeep.pack.format import BlobSpan, FrameSpan

MAX_IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """Contents in a frame whose number is not known yet."""

    digest: Digest
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _InFlight:
    frame: Future[bytes]
    raw_length: int
    placed: tuple[Placed, ...]


class DataFrames:
    """The data of one pack. Offsets count from its start; all calls from one thread."""

    def __init__(self, file: IO[bytes], executor: Executor | None) -> None:
        self._file = file
        self._executor = executor
        self._in_flight: deque[_InFlight] = deque()
        self._length = 0
        self.frames: list[FrameSpan] = []
        self.blobs: list[BlobSpan] = []

    def append(self, raw: bytes, placed: tuple[Placed, ...], level: int) -> None:
        """Add a frame that holds `raw`."""
        if self._executor is None:
            self._write(zstd.compressed(raw, level), len(raw), placed)
            return
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self._land()
        frame = self._executor.submit(zstd.compressed, raw, level)
        self._in_flight.append(_InFlight(frame, len(raw), placed))

    def append_pieces(
        self, pieces: Iterable[bytes], raw_length: int, level: int
    ) -> None:
        """Add a frame that never is whole in memory, without its contents' place.

        `keep` or `drop` it next. When `pieces` raises, nothing was added.
        """
        self.land()
        try:
            compressor = zstd.compressor(raw_length, level)
            for piece in pieces:
                self._file.write(compressor.compress(piece))
            self._file.write(compressor.flush())
        except BaseException:
            self.drop()
            raise

    def keep(self, raw_length: int, placed: Placed) -> None:
        """Make what `append_pieces` wrote the next frame."""
        self._account(self._file.tell() - self._length, raw_length, (placed,))

    def drop(self) -> None:
        """Forget what `append_pieces` wrote."""
        self._file.seek(self._length)
        self._file.truncate()

    def land(self) -> None:
        """Wait until every frame is written."""
        while self._in_flight:
            self._land()

    def cancel(self) -> None:
        """Let go of frames that nobody wants any more."""
        while self._in_flight:
            self._in_flight.popleft().frame.cancel()

    def _land(self) -> None:
        oldest = self._in_flight.popleft()
        self._write(oldest.frame.result(), oldest.raw_length, oldest.placed)

    def _write(self, frame: bytes, raw_length: int, placed: tuple[Placed, ...]) -> None:
        self._file.write(frame)
        self._account(len(frame), raw_length, placed)

    def _account(
        self, length: int, raw_length: int, placed: tuple[Placed, ...]
    ) -> None:
        number = len(self.frames)
        self.frames.append(FrameSpan(self._length, length, raw_length))
        self._length += length
        self.blobs += [
            BlobSpan(one.digest, number, one.offset, one.size_bytes) for one in placed
        ]
