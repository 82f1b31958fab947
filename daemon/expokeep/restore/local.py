"""Hands out versions straight from catalog and bucket: no daemon in between."""

import datetime
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import Host, Kept, RootIdentity
from expokeep.errors import BlobMissing, UsageError
from expokeep.model.digest import Digest, shown
from expokeep.model.names import SessionId
from expokeep.model.version import parse_version_ref
from expokeep.restore.blob import Blob
from expokeep.restore.fetch import Fetcher
from expokeep.restore.source import Arrival, Offer

REMEMBERED = 8
"""Versions whose places are kept between an offer and the contents asked for next."""

Home = Callable[[SessionId], Path | None]
"""Tells where a session lives on this host, if it can live here at all."""


class LocalSource:
    """Implements `restore.source.Source`. Safe from any thread."""

    def __init__(
        self,
        catalog: Catalog,
        fetcher: Fetcher,
        host: Host,
        *,
        home: Home,
        now: Callable[[], datetime.datetime],
    ) -> None:
        self._catalog = catalog
        self._fetcher = fetcher
        self._host = host
        self._home = home
        self._now = now
        self._lock = threading.Lock()
        self._remembered: OrderedDict[tuple[SessionId, int], Kept] = OrderedDict()

    def offer(self, version: str) -> Offer:
        """Return what a person means by `version`, with its whole tree.

        Raises:
            UsageError: these words name no version.
            NotFound: there is none.
        """
        try:
            ref = parse_version_ref(version, now=self._now())
        except ValueError as error:
            raise UsageError(str(error)) from error
        found = self._catalog.resolve(ref)
        kept = self._catalog.kept(found)
        with self._lock:
            self._remembered[found.session, found.seq] = kept
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return Offer(
            version=found,
            tree=kept.tree,
            uid=kept.root.uid,
            gid=kept.root.gid,
            mode=kept.root.mode,
            home=self._home(found.session),
            held_by=self._holder(found.session),
        )

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        """Yield contents that this version names; it gives out no others.

        Raises:
            BlobMissing: the version does not name one of them, or it is not kept.
        """
        places = self._kept(offer).places
        for digest in digests:
            if digest not in places:
                raise BlobMissing(shown(digest), f"a place of {offer.version.session}")
        wanted = [places[digest] for digest in digests]
        return self._fetcher.blobs(wanted, self._catalog.places)

    def arriving(self, arrival: Arrival) -> None:
        """Note that a directory was made of a version, if it is the session's own.

        Raises:
            Held: it is, and another host that is alive holds the session.
        """
        self._catalog.touch(arrival.session, at=self._now())
        home = self._home(arrival.session)
        if home is None or arrival.target.absolute() != home.absolute():
            return
        identity = RootIdentity(arrival.device, arrival.inode, arrival.birth_ns)
        self._catalog.register_restored(
            arrival.session,
            identity,
            self._host,
            seq=arrival.seq,
            force=arrival.force,
        )

    def _holder(self, session: SessionId) -> str | None:
        """Return the other host that holds a session, if it is alive."""
        row = self._catalog.session(session)
        if row is None or row.host_id == self._host.id or not row.host_is_alive:
            return None
        return row.host

    def _kept(self, offer: Offer) -> Kept:
        version = offer.version
        with self._lock:
            kept = self._remembered.get((version.session, version.seq))
        return kept or self._catalog.kept(version)
