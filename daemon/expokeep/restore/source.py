"""Where a restore gets a version from: the engine in this process, or the daemon."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.model.version import Version
from expokeep.restore.blob import Blob


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that can be restored."""

    version: Version
    tree: Tree
    uid: int
    gid: int
    mode: int
    """Of the session's root, as it was when it was last kept."""
    home: Path | None
    """The session's own directory on this host, if it has one."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A directory that a restore is about to give its name."""

    session: SessionId
    seq: int
    target: Path
    device: int
    inode: int
    birth_ns: int


class Source(Protocol):
    """Hands out versions."""

    def offer(self, version: str) -> Offer:
        """Return what a person means by `version` (`SID`, `SID@17`, ...).

        Raises:
            NotFound: there is no such version.
        """
        ...

    def blobs(self, offer: Offer, digests: Collection[Digest]) -> Iterator[Blob]:
        """Yield contents, each once, in any order."""
        ...

    def arriving(self, arrival: Arrival) -> None:
        """Learn, before it shows, where a version will be: it is no new project."""
        ...
