"""A bucket in memory, for journeys' tests: passes the same contract suite as R2."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from expokeep.errors import IntegrityError
from expokeep.model.digest import Digest
from expokeep.store.base import (
    KEYS_PER_REQUEST,
    HighWater,
    ObjectExists,
    ObjectInfo,
    ObjectMissing,
    Progress,
    Unfinished,
)
from expokeep.store.usage import Meter, Usage


class MemoryStore:
    """Keeps objects in a dictionary, and counts requests as S3 would bill them."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._meter = Meter()

    def put_file(
        self, key: str, path: Path, *, sha256: Digest, progress: Progress | None = None
    ) -> None:
        """Keep the bytes of `path` at `key`, unless something else is there."""
        contents = path.read_bytes()
        self._meter.asked("PutObject")
        if hashlib.sha256(contents).digest() != sha256:
            raise IntegrityError(f"{path} is not what its digest says")
        with self._lock:
            if self._objects.setdefault(key, contents) != contents:
                raise ObjectExists(key)
        self._meter.sent(len(contents))
        HighWater(progress).reached(len(contents))

    def get(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start` on."""
        if length == 0:
            return b""
        self._meter.asked("GetObject")
        try:
            contents = self._objects[key]
        except KeyError:
            raise ObjectMissing(key) from None
        found = contents[start : start + length]
        if len(found) != length:
            raise IntegrityError(f"{key} ends before byte {start + length}")
        self._meter.received(length)
        return found

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is at `key`, or None."""
        self._meter.asked("HeadObject")
        contents = self._objects.get(key)
        if contents is None:
            return None
        digest = Digest(hashlib.sha256(contents).digest())
        return ObjectInfo(key, len(contents), digest)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object below `prefix`, as of the first question."""
        self._meter.asked("ListObjectsV2")
        with self._lock:
            found = [
                item for item in self._objects.items() if item[0].startswith(prefix)
            ]
        for key, contents in found:
            yield ObjectInfo(key, len(contents))

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Forget objects; nothing can go wrong in memory."""
        for _chunk in range(0, len(keys), KEYS_PER_REQUEST):
            self._meter.asked("DeleteObjects")
        with self._lock:
            for key in keys:
                self._objects.pop(key, None)
        return {}

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield nothing: what is put into memory is there at once."""
        del prefix
        self._meter.asked("ListMultipartUploads")
        return iter(())

    def abort(self, upload: Unfinished) -> None:
        """Do nothing: it has ended."""
        del upload
        self._meter.asked("AbortMultipartUpload")

    def check(self) -> None:
        """Find nothing wrong."""

    def warm(self) -> None:
        """Do nothing: memory is warm."""

    def close(self) -> None:
        """Keep everything: a test may look at it afterwards."""

    def usage(self) -> Usage:
        """Return what was asked since construction."""
        return self._meter.usage()
