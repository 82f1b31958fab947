"""Compares what the catalog and the bucket hold with what the model says must be."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consistency import Books
from daemons import Site
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.errors import NotFound
from expokeep.model.names import SessionId
from expokeep.model.tree import File
from expokeep.model.version import Selector, Version, VersionRef
from expokeep.store.s3 import S3Settings, S3Store

if TYPE_CHECKING:
    from soak.run import Soak


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, past the daemon."""

    catalog: PostgresCatalog
    books: Books

    def state(self, sid: str, seq: int | None) -> dict[str, str]:
        """Return what a version holds; without a number, the head."""
        ref = VersionRef(SessionId(sid), Selector(seq=seq))
        return self.of(self.catalog.resolve(ref))

    def of(self, version: Version) -> dict[str, str]:
        """Return what a version holds, as the model would say it."""
        return {
            path.decode(): entry.digest.hex()
            for path, entry in self.catalog.tree(version).items()
            if isinstance(entry, File)
        }


@contextlib.contextmanager
def opened(site: Site) -> Iterator[Kept]:
    """Look at a site's catalog and bucket."""
    keys = (site.seaweed.access_key_id, site.seaweed.secret_access_key)
    settings = S3Settings(site.seaweed.endpoint_url, site.bucket, *keys)
    catalog = PostgresCatalog(Database(site.database_url))
    with contextlib.closing(S3Store(settings)) as store, contextlib.closing(catalog):
        yield Kept(catalog, Books(catalog, site.database_url, store))


def differences(soak: "Soak") -> Iterator[str]:
    """Yield all that is wrong: with each history, with each head, with the bucket."""
    soak.tell("looking at every object")
    yield from soak.kept.books.differences()
    soak.tell("looking at every version")
    for number, directory in enumerate(soak.directories):
        session = directory.session
        versions = list(reversed(soak.kept.catalog.versions(SessionId(session.sid))))
        trees = [soak.kept.of(one) for one in versions]
        soak.counts["versions"] += len(trees)
        parked = [
            place
            for place, one in enumerate(versions, start=1)
            if one.parked is not None
        ]
        soak.counts["parked"] += len(parked)
        head = None
        with contextlib.suppress(NotFound):
            head = soak.kept.state(session.sid, None)
        found = list(session.differences(trees, head, parked))
        yield from found
        if found:
            yield "; ".join(_told(one) for one in versions)
        if head is None or number >= soak.plan.brings_back:
            continue
        if soak.restored(directory, "") != head:
            yield f"the head of {session.sid} does not come back as it is"


def _told(version: Version) -> str:
    parked = f", parked: {version.parked}" if version.parked else ""
    return (
        f"{version.session}@{version.seq} of {version.taken_at:%X.%f}, "
        f"{version.trigger}, epoch {version.epoch}{parked}"
    )
