"""Keeps what a directory is made of, while the catalog cannot be told of it.

Either it does not answer, or what was restored is no version yet. The chain of the
directory goes out from there all the same, as soon as that is recorded.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from expokeep.catalog.base import Catalog
from expokeep.catalog.values import RootIdentity
from expokeep.errors import NotFound
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.model.version import Selector, VersionRef
from expokeep.restore.ahead import AWAY, Holdings
from expokeep.restore.local import Home
from expokeep.restore.source import Arrival

Expect = Callable[[SessionId, RootIdentity, Tree], None]
"""Told what will be in a directory of which the catalog cannot be told."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Directories that were made of what this host holds."""

    catalog: Catalog
    holdings: Holdings
    home: Home
    expect: Expect

    def numbered(self, arrival: Arrival) -> Arrival:
        """Return an arrival with the number that its version may have by now."""
        if arrival.seq != 0 or arrival.pack is None or self.holdings.away():
            return arrival
        ref = VersionRef(arrival.session, Selector(pack=arrival.pack))
        try:
            return replace(arrival, seq=self.catalog.resolve(ref).seq)
        except NotFound:
            return arrival
        except AWAY:
            return arrival

    def note(self, arrival: Arrival, tree: Tree | None) -> None:
        """Keep what a directory is made of, if it is the session's own.

        Raises:
            Held: another host that is alive has the session.
        """
        home = self.home(arrival.session)
        if home is None or arrival.target.absolute() != home.absolute():
            return
        if arrival.pack is None:
            return
        with contextlib.suppress(*AWAY):
            self.catalog.take(arrival.session, self.holdings.host, force=arrival.force)
        identity = RootIdentity(arrival.device, arrival.inode, arrival.birth_ns)
        if tree is not None:
            self.expect(arrival.session, identity, tree)
        life = (arrival.device, arrival.inode, arrival.birth_ns)
        self.holdings.shelf.keep_origin(arrival.session, life, arrival.pack)
