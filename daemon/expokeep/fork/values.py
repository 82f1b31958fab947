"""What a version is wished to be that no directory was looked at for."""

import uuid
from dataclasses import dataclass, field
from typing import Literal

from expokeep import clock
from expokeep.catalog.values import RootIdentity, RootOwner
from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.model.version import Origin

Trigger = Literal["fork", "import", "revert", "template"]


class SessionExists(ExpokeepError):
    """A session was to begin under a name that is taken."""

    exit_code = 4
    hint = "Name another one, or none: then it gets an id of its own."


@dataclass(frozen=True, slots=True)
class Wish:
    """A version to be made of what is kept already. No contents travel.

    Either the whole of `origin`, or a `tree` whose contents are all kept. Whoever makes
    the wish has asked for the right to it.
    """

    session: SessionId
    """Whose version it is to be: of a new session, or, to `revert`, of one that is."""
    trigger: Trigger
    origin: Origin | None = None
    """The version whose tree it is; with a `tree`, only noted where that came from."""
    tree: Tree | None = None
    root: RootOwner | None = None
    """Owner and mode of the root of a new session; None: as of `origin`."""
    owner: str | None = None
    """Whose a new session is; None: the operators'."""
    author: str | None = None
    message: str | None = None
    project_name: str | None = None
    """None: what the session of `origin` is called."""
    force: bool = False
    """To `revert`, take the session even from a host that is alive."""
    pack: uuid.UUID = field(default_factory=clock.uuid7)
    """What this wish is known by: repeated with the same one, it is fulfilled once."""

    @property
    def is_first(self) -> bool:
        """Whether it begins a session."""
        return self.trigger != "revert"

    @property
    def identity(self) -> RootIdentity:
        """The life that the version is of: of no directory, and each of its own.

        No file has the inode 0, so no directory is ever taken for it.
        """
        return RootIdentity(0, 0, self.pack.int % 2**63)
