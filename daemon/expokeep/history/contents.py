"""Contents by their digest, brought home and proved."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Place
from expokeep.errors import BlobMissing, IntegrityError
from expokeep.model.digest import Digest, shown

Contents = Callable[
    [Collection[Place]], Iterator[tuple[Digest, int, Iterable[bytes | memoryview]]]
]
"""Brings contents home: digest, size in bytes, bytes; each once, in any order."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Knows where contents are, and believes no byte that it did not prove."""

    catalog: Catalog
    contents: Contents

    def read(self, digests: Collection[Digest]) -> Mapping[Digest, bytes]:
        """Return contents, all of them small.

        Raises:
            BlobMissing, IntegrityError: some are lost, or damaged.
        """
        if not digests:
            return {}
        found: dict[Digest, bytes] = {}
        for digest, _, chunks in self.contents(self._places(digests)):
            whole = b"".join(chunks)
            _require(digest, hashlib.sha256(whole).digest())
            found[digest] = whole
        return found

    def pieces(self, digest: Digest) -> Iterator[bytes]:
        """Return contents in pieces; the last, often the only one, once all is proved.

        Raises:
            BlobMissing: at once, if they are lost.
            IntegrityError: instead of the last piece, if they are not what was kept.
        """
        places = self._places([digest])

        def proved() -> Iterator[bytes]:
            hasher, held = hashlib.sha256(), b""
            for _, _, chunks in self.contents(places):
                for chunk in chunks:
                    hasher.update(chunk)
                    if held:
                        yield held
                    held = bytes(chunk)
            _require(digest, hasher.digest())
            yield held

        return proved()

    def _places(self, digests: Collection[Digest]) -> list[Place]:
        places = self.catalog.places(digests)
        for digest in digests:
            if digest not in places:
                raise BlobMissing(shown(digest), "any place that the catalog knows")
        return list(places.values())


def _require(digest: Digest, found: bytes) -> None:
    if found != digest:
        raise IntegrityError(f"{shown(digest)} came back as other bytes")
