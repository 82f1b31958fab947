"""Hands out versions, and what only this host holds: the spool before the bucket.

What waits in the spool is not lost, so a restore here must not be without it; and it
works on while Postgres or the bucket are away, as far as what is here suffices.
"""

import datetime
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from expokeep.catalog.base import Catalog
from expokeep.catalog.caring import WasDeleted
from expokeep.catalog.values import Place
from expokeep.errors import (
    BackendUnreachable,
    BlobMissing,
    NotFound,
    Parked,
    UsageError,
)
from expokeep.log import get
from expokeep.model.digest import Digest, shown
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree, files_in
from expokeep.model.version import Selector, VersionRef, parse_version_ref
from expokeep.restore.about import Telling
from expokeep.restore.ahead import AWAY, Ahead, Holdings, look_ahead
from expokeep.restore.arrivals import Arrivals
from expokeep.restore.blob import Blob
from expokeep.restore.fetch import Fetcher
from expokeep.restore.local import Home, LocalSource
from expokeep.restore.offered import Offered, OfferedLately
from expokeep.restore.source import Arrival, Offer
from expokeep.restore.unpacking import Unpacking
from expokeep.restore.waiting import Judged

log = get(__name__)


class NotAllHere(BackendUnreachable):
    """What this host holds does not suffice, and whoever has the rest is away."""

    hint = "`expokeep status` says what does not answer. Nothing of it is lost."


@dataclass(frozen=True, slots=True)
class Ties:
    """What a source has to do with this host and its surroundings."""

    holdings: Holdings
    telling: Telling
    arrivals: Arrivals
    home: Home


class SpooledSource:
    """Implements `restore.source.Source`. Safe from any thread."""

    def __init__(
        self,
        recorded: LocalSource,
        catalog: Catalog,
        fetcher: Fetcher,
        ties: Ties,
        now: Callable[[], datetime.datetime],
    ) -> None:
        self.recorded = recorded
        """The same for what is recorded only."""
        self._catalog = catalog
        self._fetcher = fetcher
        self._ties = ties
        self._now = now
        self._offered = OfferedLately()

    def offer(self, version: str) -> Offer:
        """Return what a person means by `version`.

        The newest includes what only this host holds. All other words mean what is
        recorded; `SID@pack:UUID` means either.

        Raises:
            UsageError: these words name no version.
            NotFound: there is none.
            Parked: there are only parked ones.
            BackendUnreachable: what is here does not suffice to tell or to restore it.
        """
        return replace(self._meant(version), reserve=self._ties.holdings.reserve)

    def _meant(self, version: str) -> Offer:
        try:
            ref = parse_version_ref(version, now=self._now())
        except ValueError as error:
            raise UsageError(str(error)) from error
        if ref.selector == Selector():
            return self._newest(ref.session)
        if ref.selector.pack is not None:
            waiting = self._of_pack(ref.session, ref.selector.pack)
            if waiting is not None:
                return waiting
        return self._told(self.recorded.offer(version), None, newest=False)

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        """Yield contents that an offer names: from the spool, then from the bucket.

        Raises:
            BlobMissing: the offer does not name one of them, or it is nowhere.
        """
        wanted = set(digests)
        strange = wanted - {entry.digest for _, entry in files_in(offer.tree)}
        if strange:
            missing = shown(min(strange))
            raise BlobMissing(missing, f"a place of {offer.version.session}")
        return self._blobs(offer, wanted)

    def arriving(self, arrival: Arrival) -> None:
        """Note that a directory was made of a version, recorded or not.

        Raises:
            Held: another host that is alive has the session.
        """
        arrival = self._ties.arrivals.numbered(arrival)
        if arrival.seq != 0:
            try:
                self.recorded.arriving(arrival)
            except AWAY:
                if arrival.pack is None:
                    raise
            else:
                return
        known = self._offered.of(arrival.pack)
        self._ties.arrivals.note(arrival, known.tree if known else None)

    def _newest(self, begin: SessionId) -> Offer:
        session = self._session(begin)
        ahead = look_ahead(session, self._catalog, self._ties.holdings)
        if ahead is not None and ahead.outlook.head is not None:
            holder = self._holder(ahead)
            offer = self._unrecorded(ahead, ahead.outlook.head)
            if offer is not None:
                return replace(offer, held_by=holder)
        return self._recorded(session, ahead)

    def _recorded(self, session: SessionId, ahead: Ahead | None) -> Offer:
        """Return the newest recorded version that is not parked."""
        try:
            offer = self.recorded.offer(f"{session}@good")
        except WasDeleted:
            raise
        except NotFound as error:
            waiting = ahead.outlook.waiting if ahead else ()
            parked = len(waiting) + len(self._catalog.versions(session))
            if not parked or self._catalog.session(session) is None:
                raise  # nothing is kept, or the session was deleted
            raise _all_parked(session, parked) from error
        except AWAY as error:
            if ahead is None:
                raise
            raise NotAllHere(
                f"what this host holds of {session} does not tell its newest version: "
                f"{error}"
            ) from error
        return self._told(offer, ahead, newest=True)

    def _of_pack(self, session: SessionId, pack: uuid.UUID) -> Offer | None:
        """Return a snapshot that waits, whatever it will be."""
        ahead = look_ahead(session, self._catalog, self._ties.holdings)
        for one in ahead.outlook.waiting if ahead else ():
            if ahead is not None and one.entry.pack == pack:
                return self._unrecorded(ahead, one)
        return None

    def _unrecorded(self, ahead: Ahead, one: Judged) -> Offer | None:
        """Return what waits as an offer; None if it is recorded by now, or unproved.

        Raises:
            NotAllHere: only the catalog knows the rest.
        """
        entry, note = one.entry, one.entry.note
        try:
            version, tree = ahead.version(one), ahead.unpacking.tree(entry)
            if tree is None:
                log.warning("tree not known", session=ahead.session, pack=entry.pack)
                return None
            places = self._elsewhere(tree, ahead)
        except FileNotFoundError:
            return None
        except AWAY as error:
            raise NotAllHere(
                f"part of the newest state of {ahead.session} is not on this host, and "
                f"nobody can tell where it is: {error}"
            ) from error
        self._offered.add(entry.pack, Offered(tree, places))
        home = self._ties.home(ahead.session)
        root = (note.root_uid, note.root_gid, note.root_mode)
        offer = Offer(version, tree, *root, home)
        return self._told(offer, ahead, newest=True)

    def _elsewhere(self, tree: Tree, ahead: Ahead) -> dict[Digest, Place]:
        """Return where the contents are that do not wait here."""
        wanted = {entry.digest for _, entry in files_in(tree)}
        wanted -= ahead.unpacking.digests()
        if not wanted:
            return {}
        if ahead.away is not None:
            raise ahead.away
        places = self._catalog.places(wanted)
        for digest in wanted - places.keys():
            raise BlobMissing(shown(digest), "any place that the catalog knows")
        return places

    def _told(self, offer: Offer, ahead: Ahead | None, *, newest: bool) -> Offer:
        """Add what a person should know beside the version."""
        self._offered.add(offer.version.pack, Offered(offer.tree, {}))
        about = self._ties.telling.about(offer.version, ahead, newest=newest)
        return replace(offer, about=about)

    def _blobs(self, offer: Offer, wanted: set[Digest]) -> Iterator[Blob]:
        session = offer.version.session
        entries = self._ties.holdings.spool.pending(session)
        if entries:
            yield from Unpacking(entries).blobs(wanted)
        if wanted and offer.version.seq != 0:
            yield from self.recorded.blobs(offer, wanted)
        elif wanted:
            yield from self._fetched(offer, wanted)

    def _fetched(self, offer: Offer, wanted: set[Digest]) -> Iterator[Blob]:
        known = self._offered.of(offer.version.pack)
        places = dict(known.places) if known else {}
        if wanted - places.keys():  # it waited when we looked, and is recorded now
            places = self._catalog.places(wanted)
        for digest in wanted - places.keys():
            raise BlobMissing(shown(digest), "any place that the catalog knows")
        chosen = [places[digest] for digest in wanted]
        yield from self._fetcher.blobs(chosen, self._catalog.places)

    def _holder(self, ahead: Ahead) -> str | None:
        """Return the other host that has the session and is alive, as far as is known.

        Raises:
            NotFound: the session was deleted; captures of it go on all the same.
        """
        if ahead.away is not None:
            return None
        row = self._catalog.session(ahead.session)
        if row is None:
            self.recorded.offer(ahead.session)  # which says what became of it
            raise NotFound(f"no session {ahead.session} is kept")
        is_ours = row.host_id == self._ties.holdings.host.id
        return row.host if row.host_is_alive and not is_ours else None

    def _session(self, begin: SessionId) -> SessionId:
        """Return the session that is meant, if it may be one that waits here."""
        spool = self._ties.holdings.spool
        fitting = [one for one in spool.sessions() if one.startswith(begin)]
        if begin in fitting or not fitting:
            return begin
        only = fitting[0] if len(fitting) == 1 else begin
        good = VersionRef(begin, Selector(is_good=True))
        try:
            return self._catalog.resolve(good).session
        except NotFound:
            return begin if self._is_known(begin) else only
        except AWAY:
            return only

    def _is_known(self, session: SessionId) -> bool:
        """Return whether that is a name: then it never stands for another's."""
        try:
            return self._catalog.session(session, deleted_too=True) is not None
        except AWAY:
            return False


def _all_parked(session: SessionId, count: int) -> Parked:
    error = Parked(f"all that is kept of {session} is parked ({count})")
    error.hint = (
        f"`expokeep log {session}` says why; `{session}@N` restores one, "
        f"`expokeep accept {session}@N` makes it the newest."
    )
    return error
