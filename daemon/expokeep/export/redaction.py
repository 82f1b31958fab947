"""What is left out of an export that others will see: what looks like a secret."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expokeep.model import secrets
from expokeep.model.digest import Digest
from expokeep.model.tree import Tree, files_in


@dataclass(frozen=True, slots=True)
class Secret:
    """A file that looks like one."""

    path: bytes
    kind: str
    """What it is taken for. Never what it says."""


class Redactor:
    """Tells secrets from the rest, looking into the same contents only once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Raises ValueError if a pattern is not gitignore syntax."""
        self._is_named_so = secrets.names(patterns)
        self._kinds: dict[Digest, str] = {}

    def unseen(self, tree: Tree) -> set[Digest]:
        """Return which contents have to be looked into."""
        return {
            entry.digest
            for path, entry in files_in(tree)
            if entry.digest not in self._kinds and not self._is_named_so(path)
        }

    def look(self, digest: Digest, chunks: Iterable[bytes]) -> None:
        """Look into contents."""
        sightings = secrets.look(chunks)
        self._kinds[digest] = sightings[0].kind if sightings else ""

    def split(self, tree: Tree) -> tuple[Tree, tuple[Secret, ...]]:
        """Return a tree without its secrets, and these.

        Raises:
            KeyError: contents were not looked into.
        """
        found: list[Secret] = []
        for path, entry in sorted(files_in(tree), key=lambda item: item[0]):
            if self._is_named_so(path):
                found.append(Secret(path, "by its name"))
            elif kind := self._kinds[entry.digest]:
                found.append(Secret(path, kind))
        gone = {one.path for one in found}
        rest = {path: entry for path, entry in tree.items() if path not in gone}
        return rest, tuple(found)
