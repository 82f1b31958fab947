"""Versions from the daemon, as they are recorded, for a directory that will not stay.

Unlike a restore of a person, it captures nothing first, and nobody learns where it was.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from expokeep.control.blobs import decoded
from expokeep.control.client import Client, segment
from expokeep.model.digest import Digest
from expokeep.restore.blob import Blob
from expokeep.restore.documents import offer_of
from expokeep.restore.source import Arrival, Offer


@dataclass(frozen=True, slots=True)
class Recorded:
    """Implements `restore.source.Source` on the control socket."""

    client: Client
    uid: int
    """Whose the files become, and their group's number."""

    def offer(self, version: str) -> Offer:
        """Return what a restore of a recorded version has to make."""
        path = f"/v1/versions/{segment(version)}/offer"
        found = offer_of(self.client.get(path, recorded=True))
        return replace(found, uid=self.uid, gid=self.uid, mode=0o700, held_by=None)

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        """Yield contents of a version."""
        version = offer.version
        path = f"/v1/versions/{segment(f'{version.session}@{version.seq}')}/blobs"
        wanted = {"digests": [digest.hex() for digest in digests]}
        return decoded(self.client.stream("POST", path, wanted))

    def arriving(self, arrival: Arrival) -> None:
        """Tell nobody: it will not stay."""
