"""Looks for secrets in a version: by the names of files, and by what is in them.

Bounded in bytes and in time. What it did not look into it counts; it never stays silent
about that.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from expokeep import clock
from expokeep.catalog.values import Kept
from expokeep.model import secrets
from expokeep.model.digest import Digest
from expokeep.model.tree import File
from expokeep.share.ports import Contents

MAX_FILE_BYTES = 16 << 20
MAX_BYTES = 512 << 20
MAX_S = 60.0
MAX_SUSPICIONS = 200
_NO_TEXT = (
    *(b".png", b".jpg", b".jpeg", b".gif", b".webp", b".ico", b".heic", b".avif"),
    *(b".ttf", b".otf", b".woff", b".woff2", b".mp3", b".m4a", b".wav", b".ogg"),
    *(b".mp4", b".mov", b".webm", b".pdf", b".zip", b".gz", b".apk", b".aab", b".ipa"),
)
"""Not fetched: in an Expo project these are most of the bytes, and none of the text."""

NAMED = "named like a secret"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something in a version that looks like a secret."""

    path: bytes
    line: int | None
    """None: it is the name of the file."""
    kind: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of looking through a version."""

    suspicions: tuple[Suspicion, ...]
    """By path and line; not more than anybody reads."""
    passed_over: int
    """Files that may be text, and that nobody looked into: too large, or too many."""


@dataclass(slots=True)
class _Work:
    """What is still to be looked into, and what was found."""

    paths: dict[Digest, list[bytes]]
    found: list[Suspicion] = field(default_factory=list)

    def note(self, digest: Digest, sightings: Collection[secrets.Sighting]) -> None:
        """Note what is in some contents, for each file that has them."""
        for path in self.paths.pop(digest, ()):
            self.found += [Suspicion(path, one.line, one.kind) for one in sightings]

    @property
    def left(self) -> int:
        """How many files were not looked into."""
        return sum(len(paths) for paths in self.paths.values())


@dataclass(frozen=True, slots=True)
class Scan:
    """Looks through versions."""

    is_named: secrets.Names
    contents: Contents
    now_s: Callable[[], float] = clock.monotonic_s
    max_bytes: int = MAX_BYTES
    max_s: float = MAX_S

    def findings(self, kept: Kept) -> Findings:
        """Return what looks like a secret in a version.

        Raises:
            BackendUnreachable, IntegrityError: it could not be looked through.
        """
        files = {path: one for path, one in kept.tree.items() if isinstance(one, File)}
        named = [path for path in files if self.is_named(path)]
        work = _Work(_texts({path: files[path] for path in files.keys() - set(named)}))
        work.found += [Suspicion(path, None, NAMED) for path in named]
        self._look(kept, work, self._affordable(files, work.paths.keys()))
        found = sorted(work.found, key=lambda one: (one.path, one.line or 0, one.kind))
        return Findings(tuple(found[:MAX_SUSPICIONS]), work.left)

    def _affordable(
        self, files: Mapping[bytes, File], digests: Collection[Digest]
    ) -> list[Digest]:
        """Return what is looked into: the small ones first, as far as there is room."""
        sizes = {one.digest: one.size_bytes for one in files.values()}
        chosen: list[Digest] = []
        left = self.max_bytes
        for digest in sorted(digests, key=lambda one: sizes[one]):
            left -= sizes[digest]
            if left < 0 or sizes[digest] > MAX_FILE_BYTES:
                break
            chosen.append(digest)
        return chosen

    def _look(self, kept: Kept, work: _Work, digests: Collection[Digest]) -> None:
        deadline_s = self.now_s() + self.max_s
        places = [kept.places[digest] for digest in digests]
        for digest, _, chunks in self.contents(places):
            work.note(digest, secrets.look(chunks))
            if self.now_s() > deadline_s or len(work.found) >= MAX_SUSPICIONS:
                return


def _texts(files: Mapping[bytes, File]) -> dict[Digest, list[bytes]]:
    """Return the files that may be text, by their contents."""
    paths: dict[Digest, list[bytes]] = {}
    for path in sorted(files):
        file = files[path]
        if file.size_bytes and not path.lower().endswith(_NO_TEXT):
            paths.setdefault(file.digest, []).append(path)
    return paths
