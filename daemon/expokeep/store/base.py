"""What a journey may ask of the bucket, whoever stands behind it.

Keys and bytes, nothing else: no idea of packs, versions or Postgres, and no boto3.
An object is immutable and its key is never used twice, so there is no way to replace
one, and nothing here has to say which of two writers wins.
"""

import datetime
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from expokeep.errors import ExpokeepError, IntegrityError
from expokeep.model.digest import Digest
from expokeep.store.usage import Usage

Progress = Callable[[int], None]
"""Called with the number of bytes newly sent, perhaps from several threads in turn."""

KEYS_PER_REQUEST = 1000
"""What S3 allows in one DeleteObjects, and gives in one page of a listing."""


class ObjectExists(ExpokeepError):
    """A key was to be used a second time, for something else."""

    exit_code = 15

    def __init__(self, key: str) -> None:
        super().__init__(f"another object is already at {key}")
        self.key = key


class ObjectMissing(IntegrityError):
    """There is no object at a key that somebody named."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no object is at {key}")
        self.key = key


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as the store describes it, without its bytes."""

    key: str
    size_bytes: int
    sha256: Digest | None = None
    """As its writer stated it. A listing does not know, and says None."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload in parts that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    started_at: datetime.datetime
    """By the clock of the server."""


class Store(Protocol):
    """A bucket. Every method may raise BackendUnreachable or AccessDenied."""

    def put_file(
        self, key: str, path: Path, *, sha256: Digest, progress: Progress | None = None
    ) -> None:
        """Make the bytes of `path`, whose digest the caller knows, durable at `key`.

        Only ever creates. Repeating a put whose answer was lost is a success: the
        object that is found is compared by size and digest.

        Raises:
            ObjectExists: Something else is at this key.
            IntegrityError: The file is not what `sha256` says.
        """

    def get(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes of an object, from byte `start` on.

        Raises:
            ObjectMissing: Nothing is at this key.
            IntegrityError: The object ends before `start + length`.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is at `key`, with its digest, or None."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object below `prefix`, in no particular order.

        The order differs between servers; never rely on it.
        """

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete objects; return those that could not be deleted, each with a reason.

        A key at which nothing is counts as deleted.
        """

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield every unfinished upload below `prefix`: billed, and in no listing."""

    def abort(self, upload: Unfinished) -> None:
        """End an unfinished upload; one that has ended meanwhile is no failure."""

    def check(self) -> None:
        """Ask the cheapest question that needs the bucket and the rights to it.

        Raises:
            NotFound: There is no such bucket.
            AccessDenied: The credentials are wrong, or may not see it.
        """

    def warm(self) -> None:
        """Do now, without a request, what would hold up the first one."""

    def usage(self) -> Usage:
        """Return what was asked of the bucket since the store was made."""

    def close(self) -> None:
        """Let go of connections. May be called twice; nothing else may follow."""


class HighWater:
    """Reports progress once per byte, however often the byte has to be sent.

    A repeated attempt starts again at zero; only what goes beyond the best attempt so
    far is news to the one who draws the bar.

    >>> told = []
    >>> mark = HighWater(told.append)
    >>> mark.reached(10); mark.reached(4); mark.reached(12)
    >>> told
    [10, 2]
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._best_bytes = 0
        self._lock = threading.Lock()

    def reached(self, sent_bytes: int) -> None:
        """Say how far the present attempt has come, in bytes from its beginning."""
        if self._progress is None:
            return
        with self._lock:
            news_bytes = sent_bytes - self._best_bytes
            if news_bytes > 0:
                self._best_bytes = sent_bytes
                self._progress(news_bytes)
