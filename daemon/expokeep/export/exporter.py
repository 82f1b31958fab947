"""Exports into the bucket: a link for a while, an archive for everybody, the app's own.

The archive is made in a file without a name in our own state directory, so that nothing
is left of it whatever happens; and put under a key that says until when it is needed.
"""

import contextlib
import datetime
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.errors import Busy, NoSpace
from expokeep.export import keys
from expokeep.export.archives import MEDIA_TYPES, Format, archived
from expokeep.export.heap import heap
from expokeep.export.keys import Published
from expokeep.export.making import Fetch, Kept, gathered, made
from expokeep.export.redaction import Secret
from expokeep.model import size
from expokeep.model.digest import Digest, digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import size_bytes
from expokeep.store.base import Store
from expokeep.store.outlet import MAX_LIFETIME_S, Look, Outlet

AT_ONCE = 2
WAIT_S = 600.0
FOR_EVERYBODY = "public, max-age=31536000, immutable"
FOR_ONE = "private, no-store"
PUBLIC_NAME = "project"
"""Of a public archive's top: the id of a session is nobody else's business."""
_LATE_S = 300.0
"""So long after a link has ended its object stays: clocks differ."""
_SPARE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """Where exports are made, and where they lie."""

    store: Store
    outlet: Outlet
    directory: Path
    public_url: str | None
    """Where the world sees the bucket; None if it does not."""
    reserve_bytes: int
    """Of the disk of `directory`: for what is not stored yet."""
    now: Callable[[], datetime.datetime]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made of a version."""

    kept: Kept
    fetch: Fetch
    form: Format
    name: str
    patterns: Sequence[str] | None = None
    """Of files to leave out, beside those whose contents look like secrets; None leaves
    out nothing."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive that is ready to be uploaded."""

    path: Path
    size_bytes: int
    sha256: Digest
    left_out: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Lent:
    """A link that works for a while."""

    url: str
    expires_at: datetime.datetime
    packed: Packed


@dataclass(frozen=True, slots=True)
class Exporter:
    """Makes exports. Safe from any thread; a few at once."""

    site: Site
    _turns: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE)
    )

    def lend(self, wanted: Wanted, lifetime_s: float) -> Lent:
        """Make a link to a private archive, for at most seven days.

        Raises:
            ValueError: so long no link may live.
        """
        _require_lifetime(lifetime_s)
        file_name = f"{wanted.name}.{wanted.form}"
        with self._packed(wanted) as packed:
            until = self.site.now() + datetime.timedelta(seconds=lifetime_s)
            key = keys.lent_key(until, keys.new_secret(), file_name)
            self._publish(key, packed, _look(wanted.form, FOR_ONE, file_name))
        url = self.site.outlet.signed_link(key, lifetime_s=lifetime_s)
        return Lent(url, until, packed)

    def publish(self, wanted: Wanted) -> tuple[Published, Packed]:
        """Make an archive for everybody, for ever, until it is withdrawn.

        It is noted before it is there: nothing is public that no list shows.
        """
        version = wanted.kept.version
        with self._packed(wanted) as packed:
            now = self.site.now().replace(microsecond=0)
            secret = keys.new_secret()
            one = Published(version.session, version.seq, now, secret, wanted.form)
            self._note(one)
            look = _look(wanted.form, FOR_EVERYBODY, f"{PUBLIC_NAME}.{wanted.form}")
            self._publish(one.key, packed, look)
        return one, packed

    def link(self, one: Published) -> tuple[str, datetime.datetime | None]:
        """Return where everybody finds it, and until when that is good."""
        if self.site.public_url is not None:
            return f"{self.site.public_url.rstrip('/')}/{one.key}", None
        url = self.site.outlet.signed_link(one.key, lifetime_s=MAX_LIFETIME_S)
        lifetime = datetime.timedelta(seconds=MAX_LIFETIME_S)
        return url, self.site.now() + lifetime

    def published(self, session: SessionId | None = None) -> list[Published]:
        """Return what is public, newest first; of one session, or of all."""
        prefix = keys.PUBLISHED if session is None else keys.notes_of(session)
        found = (keys.parse_note(one.key) for one in self.site.store.list(prefix))
        ours = [one for one in found if one is not None]
        return sorted(ours, key=lambda one: (one.at, one.seq, one.secret))[::-1]

    def withdraw(self, gone: Sequence[Published]) -> None:
        """Delete what was public. Who has fetched it has it, and so may caches."""
        if gone:
            # The note goes last: what is still there must be found again.
            self.site.store.delete([one.key for one in gone])
            self.site.store.delete([one.note_key for one in gone])

    def compat(self, wanted: Wanted) -> bool:
        """Make the archive that the application reads; return whether it was needed."""
        key, tree = self.compat_key(wanted), wanted.kept.version.tree.hex()
        notes = self.site.outlet.notes(key)
        if notes is not None and notes.get("tree") == tree:
            return False
        with self._packed(wanted) as packed:
            look = _look("tar.gz", FOR_ONE, "build.tar.gz", {"tree": tree})
            self.site.outlet.publish(
                key, packed.path, packed.sha256, look, replace=True
            )
        return True

    def compat_link(
        self, session: SessionId, lifetime_s: float
    ) -> tuple[str, datetime.datetime]:
        """Return a link to the archive that the application reads.

        Raises:
            ValueError: so long no link may live.
        """
        _require_lifetime(lifetime_s)
        until = self.site.now() + datetime.timedelta(seconds=lifetime_s)
        key = keys.compat_key(session)
        return self.site.outlet.signed_link(key, lifetime_s=lifetime_s), until

    def compat_sessions(self) -> list[SessionId]:
        """Return of which sessions there are archives that the application reads."""
        found = (
            keys.session_of_compat_key(one.key)
            for one in self.site.store.list(keys.COMPAT)
        )
        return [session for session in found if session is not None]

    def drop_compat(self, session: SessionId) -> bool:
        """Delete such an archive if we made it: the application makes some, too."""
        key = keys.compat_key(session)
        notes = self.site.outlet.notes(key)
        if notes is None or "tree" not in notes:
            return False
        self.site.store.delete([key])
        return True

    @staticmethod
    def compat_key(wanted: Wanted) -> str:
        """Return where that archive lies."""
        return keys.compat_key(wanted.kept.version.session)

    def ended(self) -> list[str]:
        """Return the keys of what was lent and is over."""
        over = self.site.now() - datetime.timedelta(seconds=_LATE_S)
        return [
            one.key
            for one in self.site.store.list(keys.LENT)
            if (until := keys.lent_until(one.key)) is not None and until < over
        ]

    def _publish(self, key: str, packed: Packed, look: Look) -> None:
        self.site.outlet.publish(key, packed.path, packed.sha256, look, replace=False)

    def _note(self, one: Published) -> None:
        with tempfile.NamedTemporaryFile(dir=self._directory()) as empty:
            path = Path(empty.name)
            self.site.store.put_file(one.note_key, path, sha256=digest_of(b""))

    @contextlib.contextmanager
    def _packed(self, wanted: Wanted) -> Iterator[Packed]:
        """Hold an archive on local disk.

        Raises:
            Busy: others are being made, and that takes long.
            NoSpace: it would take what the spool needs.
        """
        if not self._turns.acquire(timeout=WAIT_S):
            raise Busy("other exports are under way, and take long")
        try:
            directory = self._directory()
            self._require_room(directory, size_bytes(wanted.kept.tree))
            with heap(directory) as held, tempfile.TemporaryFile(dir=directory) as file:
                gathered(wanted.kept.tree, wanted.fetch, held, lambda *_: None)
                found = made(
                    wanted.kept,
                    held,
                    wanted.patterns,
                    redact=wanted.patterns is not None,
                    name=wanted.name,
                )
                hasher = hashlib.sha256()
                for chunk in archived(wanted.form, found.subject, held.read):
                    hasher.update(chunk)
                    file.write(chunk)
                file.flush()
                # The store wants a path, and this file has no name: so nothing of it
                # is left whenever we are killed.
                yield Packed(
                    path=Path(f"/proc/self/fd/{file.fileno()}"),
                    size_bytes=file.tell(),
                    sha256=Digest(hasher.digest()),
                    left_out=found.secrets,
                )
        finally:
            self._turns.release()

    def _directory(self) -> Path:
        self.site.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.site.directory

    def _require_room(self, directory: Path, needed_bytes: int) -> None:
        found = os.statvfs(directory)
        # Once as contents, and at worst once more as an archive.
        left_bytes = found.f_bavail * found.f_frsize - 2 * needed_bytes
        if left_bytes < self.site.reserve_bytes + _SPARE_BYTES:
            raise NoSpace(f"no room here to export {size.shown(needed_bytes)}")


def _look(
    form: Format, cache: str, file_name: str, notes: dict[str, str] | None = None
) -> Look:
    return Look(MEDIA_TYPES[form], cache, file_name, notes or {})


def _require_lifetime(lifetime_s: float) -> None:
    if not 1 <= lifetime_s <= MAX_LIFETIME_S:
        raise ValueError("a link lives for 1s to 7d")
