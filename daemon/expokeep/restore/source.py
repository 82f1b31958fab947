"""Where a restore gets a version from: the engine in this process, or the daemon."""

import datetime
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from expokeep.catalog.values import HeldElsewhere
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.model.version import Version
from expokeep.restore.blob import Blob


@dataclass(frozen=True, slots=True)
class About:
    """What a person should know of a version beside itself."""

    unrecorded: bool = False
    """It is on this host only: in its spool, and no version yet."""
    parked_newer: int = 0
    """Newer ones that are parked; counted where the newest was asked for."""
    ended_at: datetime.datetime | None = None
    """When its directory was removed, if that was the last that became of it."""
    held_elsewhere: tuple[HeldElsewhere, ...] = ()
    """What other hosts hold of the session and could not record yet."""


NOTHING_ABOUT = About()


@dataclass(frozen=True, slots=True)
class Reserve:
    """Room on a disk that no restore may take: it is for what is not stored yet."""

    device: int
    """Of the disk that the spool is on, as `st_dev`."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class AfterRestore:
    """The site's command that makes a restored directory ready, such as `npm ci`."""

    command: tuple[str, ...]
    """One line for a shell, or a program and its arguments; nothing: there is none."""
    timeout_s: float


NOTHING_AFTER = AfterRestore((), 600.0)


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
    held_by: str | None = None
    """The other host that holds the session, and is alive: to restore into `home` takes
    the session from it, and must be forced."""
    about: About = NOTHING_ABOUT
    reserve: Reserve | None = None
    """To be left free on this host; None if nothing has to be."""
    after: AfterRestore = NOTHING_AFTER
    """To be run in the directory by the one who restores it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A directory that a restore is about to give its name."""

    session: SessionId
    seq: int
    """0: it is not recorded yet, and its pack tells which it is."""
    target: Path
    device: int
    inode: int
    birth_ns: int
    force: bool = False
    """Take the session even from a host that is alive, if it is to live there."""
    pack: uuid.UUID | None = None


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
        """Learn, before it shows, where a version will be: it is no new project.

        Raises:
            Held: it is the session's own directory, and another host that is alive
                holds the session. Nothing must be shown there.
        """
        ...
