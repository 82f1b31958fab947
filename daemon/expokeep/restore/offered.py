"""What was offered lately, until its contents are asked for."""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from expokeep.catalog.values import Place
from expokeep.model.digest import Digest
from expokeep.model.tree import Tree

REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Offered:
    """A tree, and where those of its contents are that do not wait in the spool."""

    tree: Tree
    places: Mapping[Digest, Place]
    """Empty of what is recorded: the catalog is asked when it comes to that."""


class OfferedLately:
    """The newest offers, by the pack that each is of. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_pack: OrderedDict[uuid.UUID, Offered] = OrderedDict()

    def add(self, pack: uuid.UUID, offered: Offered) -> None:
        """Remember an offer."""
        with self._lock:
            if offered.places or pack not in self._by_pack:
                self._by_pack[pack] = offered
            while len(self._by_pack) > REMEMBERED:
                self._by_pack.popitem(last=False)

    def of(self, pack: uuid.UUID | None) -> Offered | None:
        """Return what was offered, if that was not long ago."""
        with self._lock:
            return self._by_pack.get(pack) if pack else None
