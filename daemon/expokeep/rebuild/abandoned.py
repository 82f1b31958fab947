"""Adopts what a host uploaded and never came to record: its packs become versions.

Only once the host was not heard of for a while. Should it come back all the same, it
finds its versions recorded: they are known by their packs.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from expokeep.catalog.values import BaseMoved, PackRecord
from expokeep.errors import IntegrityError
from expokeep.log import get
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.pack.format import Manifest
from expokeep.pack.key import parse_pack_key
from expokeep.pack.reader import manifest_from_head
from expokeep.rebuild.heads import Listed, read_head
from expokeep.rebuild.places import places_of, record_of
from expokeep.rebuild.ports import ReadCatalog, RebuildCatalog
from expokeep.rebuild.session import Evidence, planned
from expokeep.store.base import Store

log = get(__name__)

SILENT_S = 600.0
"""A host that was not heard of for so long is taken for dead."""


@dataclass(frozen=True, slots=True)
class Adopter:
    """Looks for what dead hosts left, and takes it."""

    catalog: RebuildCatalog
    read: ReadCatalog
    store: Store
    prefix: str
    limits: Limits
    silent_s: float = SILENT_S

    def act(self, stop: Callable[[], bool]) -> None:
        """Adopt whatever is whole; the rest stays as it is."""
        left = defaultdict(list)
        for session, pack in self.catalog.abandoned(silent_s=self.silent_s):
            left[session].append(pack)
        for session, packs in left.items():
            if stop():
                return
            self._adopt(session, packs)

    def _adopt(self, session: SessionId, packs: Sequence[PackRecord]) -> None:
        found = [one for pack in packs if (one := self._found(pack)) is not None]
        if not any(manifest.snaps for _, manifest in found):
            return
        records = [record_of(pack, manifest) for pack, manifest in found]
        places = {
            place.digest: place
            for record, (_, manifest) in zip(records, found, strict=True)
            for place in places_of(record, manifest)
        }
        standing = self.catalog.standing(session)
        plan = planned(
            Evidence(session, (), [manifest for _, manifest in found], standing),
            lambda digests: places.keys() | self.read.places(digests).keys(),
            self.limits,
            self.read,
        )
        if plan.doubts:
            # Something of it was not uploaded. Its host may still come back.
            log.warning("left alone", session=session, reason=plan.doubts[0].reason)
            return
        self.catalog.expect(session, records, list(places.values()))
        try:
            ids = [record.id for record in records]
            self.catalog.revive(session, plan.revival, ids)
        except BaseMoved:
            return  # somebody is at work here: another time
        for version in plan.revival.versions:
            log.info(
                "version adopted",
                session=session,
                version=version.seq,
                parked=version.parked,
            )

    def _found(self, pack: PackRecord) -> tuple[Listed, Manifest] | None:
        """Return a pack, if its object is in the bucket and is one."""
        there = self.store.head(pack.key)
        if there is None:
            return None
        try:
            name = parse_pack_key(pack.key, self.prefix)
            listed = Listed(pack.key, there.size_bytes, name)
            manifest = manifest_from_head(read_head(self.store, listed))
        except (IntegrityError, ValueError) as error:
            log.warning("left alone", key=pack.key, reason=str(error))
            return None
        return None if manifest is None else (listed, manifest)
