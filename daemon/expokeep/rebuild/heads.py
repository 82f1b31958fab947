"""Reads what packs say of themselves: the head of each, and nothing else of it.

One request for most: the manifest comes first in a pack. What was read lies on local
disk until the rebuild has ended, so that one that was stopped asks for the rest only.
"""

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from expokeep.errors import IntegrityError
from expokeep.model.digest import digest_of
from expokeep.pack.format import MAX_MANIFEST_BYTES, Manifest, PackDamaged
from expokeep.pack.key import PackName, parse_pack_key
from expokeep.pack.reader import manifest_from_head
from expokeep.store.base import ObjectInfo, Store

HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """A pack in the bucket."""

    key: str
    size_bytes: int
    name: PackName


@dataclass(frozen=True, slots=True)
class Damaged:
    """An object where a pack should be that is none."""

    key: str
    reason: str


def listed(objects: Iterable[ObjectInfo], prefix: str) -> Iterator[Listed]:
    """Yield the objects that are packs, by their keys; others are not ours to read."""
    for one in objects:
        with contextlib.suppress(ValueError):
            yield Listed(one.key, one.size_bytes, parse_pack_key(one.key, prefix))


def read_head(store: Store, pack: Listed) -> bytes:
    """Return the start of a pack, at least up to the end of its manifest.

    Raises:
        PackDamaged: it is no pack.
        ObjectMissing: it is gone.
    """
    length = min(HEAD_BYTES, pack.size_bytes)
    head = store.get(pack.key, 0, length)
    while (manifest := manifest_from_head(head)) is None:
        if length >= min(pack.size_bytes, MAX_MANIFEST_BYTES):
            raise PackDamaged("the manifest is cut")
        more = min(length * 3, pack.size_bytes - length)
        head += store.get(pack.key, length, more)
        length += more
    require(manifest, pack)
    return head


def require(manifest: Manifest, pack: Listed) -> None:
    """Check that a manifest is of the pack at its key, and that the pack is whole.

    Raises:
        PackDamaged: it is not.
    """
    # Not the pack: one that is put once more has another id in its key.
    said, name = (manifest.scope, manifest.session), pack.name
    if said != (name.scope, name.session):
        raise PackDamaged(f"it says that it is of {'/'.join(said)}")
    end = max((frame.offset + frame.length for frame in manifest.frames), default=0)
    if end >= pack.size_bytes:
        raise PackDamaged(f"it ends after {pack.size_bytes} bytes, its data at {end}")


@dataclass(frozen=True, slots=True)
class Heads:
    """Heads of packs, from local disk or from the bucket."""

    store: Store
    place: Path
    executor: Executor
    ahead: int
    """How many are asked for at a time."""

    def fetch(self, packs: Iterable[Listed]) -> Iterator[Listed | Damaged]:
        """Bring the heads of packs here; yield each as soon as it is here."""
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        waiting = iter(packs)
        while some := list(itertools.islice(waiting, self.ahead)):
            yield from self.executor.map(self._brought, some)

    def manifest(self, pack: Listed) -> Manifest:
        """Return what a pack says of itself, once its head is here."""
        manifest = manifest_from_head(self._file(pack).read_bytes())
        assert manifest is not None  # noqa: S101 - it was looked at when it came
        return manifest

    def _brought(self, pack: Listed) -> Listed | Damaged:
        file = self._file(pack)
        try:
            if file.exists():
                return pack
            head = read_head(self.store, pack)
        except IntegrityError as error:
            return Damaged(pack.key, str(error))
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(head)
        fresh.replace(file)
        return pack

    def _file(self, pack: Listed) -> Path:
        # By the whole key: an id is in it, but anybody can write that twice.
        return self.place / digest_of(pack.key.encode()).hex()
