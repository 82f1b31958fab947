"""Which versions the manifests of a session tell, and in how many ways. Pure.

A version is told by its own pack, by a merge that replaced it, or by both. It is known
by its own pack all the same.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from expokeep.model.digest import Digest
from expokeep.pack.format import Manifest, SnapRecord
from expokeep.rebuild.words import Words

_Look = tuple[datetime.datetime, Digest]
"""When a version was taken and what proves it: together no two have that."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A version as one manifest tells it."""

    teller: uuid.UUID
    epoch: int
    """0 where the snapshot was taken while the catalog could not be asked."""
    snap: SnapRecord


@dataclass(frozen=True, slots=True)
class Told:
    """A version, and every manifest that tells it."""

    pack: uuid.UUID
    tellings: tuple[Telling, ...]
    """At least one; that of its own pack first, if there is that."""

    @property
    def snap(self) -> SnapRecord:
        """The version as its first teller has it."""
        return self.tellings[0].snap

    @property
    def epoch(self) -> int:
        """The number of its epoch, if a teller knew it."""
        return max(telling.epoch for telling in self.tellings)


def told(manifests: Iterable[Manifest], words: Words) -> list[Told]:
    """Return the versions that manifests of one session tell, in no order."""
    merges, found = [], defaultdict[uuid.UUID, list[Telling]](list)
    packs: dict[_Look, uuid.UUID] = {}
    for pack, word in words.versions.items():
        digest = Digest(bytes.fromhex(word.body.tree.removeprefix("\\x")))
        packs[word.body.taken_at, digest] = pack
    for manifest in manifests:
        if manifest.kind == "merge":
            merges.append(manifest)
            continue
        for number, snap in enumerate(manifest.snaps):
            pack = _named(manifest, number)
            found[pack].append(Telling(manifest.pack, manifest.epoch, snap))
            packs[snap.at, snap.tree] = pack
    for merge in merges:
        for number, snap in enumerate(merge.snaps, 1):
            own = packs.setdefault((snap.at, snap.tree), _named(merge, number))
            found[own].append(Telling(merge.pack, merge.epoch, snap))
    return [Told(pack, tuple(tellings)) for pack, tellings in found.items()]


def _named(manifest: Manifest, number: int) -> uuid.UUID:
    """Return what a version is known by that only this manifest tells."""
    return uuid.uuid5(manifest.pack, str(number)) if number else manifest.pack
