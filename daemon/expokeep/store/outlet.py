"""What a bucket can do for those who are no expokeep: browsers, and the application.

Apart from `Store`, whose objects are ours alone and are never replaced.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from expokeep.model.digest import Digest
from expokeep.store.base import Store
from expokeep.store.retrying import Retrying

MAX_LIFETIME_S = 604_800.0
"""Of a signed link: S3 and R2 allow seven days."""


@dataclass(frozen=True, slots=True)
class Look:
    """What whoever fetches an object is told of it."""

    media_type: str
    cache_control: str
    file_name: str
    """Under which a browser saves it: ASCII, without quotes."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """For ourselves: short, ASCII, and no secrets."""


class Outlet(Protocol):
    """A bucket for others. Every method may raise BackendUnreachable, AccessDenied."""

    def publish(
        self, key: str, path: Path, sha256: Digest, look: Look, *, replace: bool
    ) -> None:
        """Make the bytes of `path` durable at `key`, even over what is there.

        Raises:
            ObjectExists: something else is there, and it is not to be replaced.
            IntegrityError: the file is not what `sha256` says.
        """

    def notes(self, key: str) -> Mapping[str, str] | None:
        """Return what was noted with an object; None if nothing is there."""

    def signed_link(self, key: str, *, lifetime_s: float) -> str:
        """Return a URL that gives the object to whoever has it, for so long.

        It names the S3 endpoint: no signature is good for a domain of our own. Nobody
        is asked, so it is a URL as well where nothing lies.

        Raises:
            ValueError: so long no link may live.
        """


class OutletStore(Store, Outlet, Protocol):
    """A bucket for us and for others."""


class RetryingOutlet(Retrying):
    """A store for others as well, which asks again when a failure may pass."""

    _store: OutletStore

    def publish(
        self, key: str, path: Path, sha256: Digest, look: Look, *, replace: bool
    ) -> None:
        """Make the bytes of `path` durable at `key`."""
        self._asked(
            "publish",
            lambda: self._store.publish(key, path, sha256, look, replace=replace),
        )

    def notes(self, key: str) -> Mapping[str, str] | None:
        """Return what was noted with an object."""
        return self._asked("head", lambda: self._store.notes(key))

    def signed_link(self, key: str, *, lifetime_s: float) -> str:
        """Return a URL that works for so long."""
        return self._store.signed_link(key, lifetime_s=lifetime_s)
