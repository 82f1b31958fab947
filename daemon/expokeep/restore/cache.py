"""Parts of objects that a restore has fetched, until it has succeeded.

An interrupted restore leaves nothing at its target, but what it fetched is here: the
next try asks the bucket only for the rest. Bounded, oldest out first, and never
trusted: who reads from it proves the bytes as if they came over the network.
"""

import contextlib
import hashlib
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path


class RangeCache:
    """A directory of fetched ranges."""

    def __init__(
        self, directory: Path, max_bytes: int, *, min_free_bytes: int = 0
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        """Never taken of the disk: it is for what is not in the bucket yet."""
        self._lock = threading.Lock()

    def get(self, key: str, start: int, length: int) -> bytes | None:
        """Return a range that was fetched before."""
        with contextlib.suppress(OSError):
            data = self._path(key, start, length).read_bytes()
            if len(data) == length:
                return data
        return None

    def put(self, key: str, start: int, data: bytes) -> None:
        """Keep a range; a disk that is full keeps nothing, and that is fine."""
        path = self._path(key, start, len(data))
        fresh = path.with_name(f"{path.name}.{threading.get_ident()}.new")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(self._directory).free
            if free_bytes < self._min_free_bytes + len(data):
                return
            fresh.write_bytes(data)
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)

    def drop(self, ranges: Iterable[tuple[str, int, int]]) -> None:
        """Forget ranges that a restore has put in their place.

        A disk that became read-only keeps them, and that must fail no restore.
        """
        for key, start, length in ranges:
            with contextlib.suppress(OSError):
                self._path(key, start, length).unlink(missing_ok=True)

    def trim(self) -> None:
        """Make the cache fit its bound, oldest out first."""
        self._trim_to(self._max_bytes)

    def empty(self) -> None:
        """Give the disk back what the cache takes of it."""
        self._trim_to(0)

    def _trim_to(self, max_bytes: int) -> None:
        with self._lock, contextlib.suppress(OSError):
            files = [(file.stat(), file) for file in self._directory.iterdir()]
            size_bytes = sum(found.st_size for found, _ in files)
            for found, file in sorted(files, key=lambda item: item[0].st_mtime_ns):
                if size_bytes <= max_bytes:
                    return
                file.unlink(missing_ok=True)
                size_bytes -= found.st_size

    def _path(self, key: str, start: int, length: int) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        return self._directory / f"{name}-{start}-{length}"
