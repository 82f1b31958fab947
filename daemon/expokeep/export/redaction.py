"""What is left out of an export that others will see: what looks like a secret."""

from collections.abc import Callable, Iterable, Sequence
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


def secrets_in(
    tree: Tree,
    patterns: Sequence[str],
    contents: Callable[[Digest], Iterable[bytes]],
) -> tuple[Secret, ...]:
    """Return the files that are secret by their name or by what is in them.

    Raises:
        ValueError: a pattern is not gitignore syntax.
    """
    is_named_so = secrets.names(patterns)
    found: list[Secret] = []
    seen: dict[Digest, str] = {}
    for path, entry in sorted(files_in(tree)):
        if is_named_so(path):
            found.append(Secret(path, "by its name"))
            continue
        if entry.digest not in seen:
            sightings = secrets.look(contents(entry.digest))
            seen[entry.digest] = sightings[0].kind if sightings else ""
        if kind := seen[entry.digest]:
            found.append(Secret(path, kind))
    return tuple(found)


def without(tree: Tree, left_out: Iterable[Secret]) -> Tree:
    """Return a tree without these files."""
    gone = {one.path for one in left_out}
    return {path: entry for path, entry in tree.items() if path not in gone}
