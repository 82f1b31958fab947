"""Which version becomes head by itself. Pure rules, each with its reason in words.

The app around us removes a session's directory and puts a blank template in its place,
whenever a page is refreshed after a restart. That must not bury what a person made.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from expokeep.model.tree import Delta, Directory, Entry, Tree

WHOLE_PROJECT = b"package.json"

WRITTEN_BY_MACHINES = frozenset(
    {
        b".gitignore",
        b"app.json",
        b"bun.lock",
        b"expo-env.d.ts",
        b"package-lock.json",
        b"package.json",
        b"pnpm-lock.yaml",
        b"tsconfig.json",
        b"yarn.lock",
    }
)
"""What `create-expo-app`, `npm install` and `expo start` rewrite unasked."""


@dataclass(frozen=True, slots=True)
class Life:
    """How a version's epoch stands to the head of its session."""

    is_first: bool
    """The session has no head yet."""
    continues_head: bool
    """The head is of the same epoch, or the directory was restored by us."""
    is_whole: bool
    """The tree is a project of its own, not a fragment."""
    is_edited: bool
    """A person changed something in this epoch, or asked for the version."""


def refusal(life: Life) -> str | None:
    """Return why a version does not become head by itself, or None if it does.

    >>> refusal(Life(False, False, is_whole=True, is_edited=False))
    'a new directory that nobody has edited yet'
    """
    if life.is_first or life.continues_head:
        return None
    if not life.is_whole:
        return "a fragment without a package.json of its own"
    if not life.is_edited:
        return "a new directory that nobody has edited yet"
    return None


def is_whole(tree: Tree) -> bool:
    """Return whether a tree is a project and not only a piece of one."""
    return WHOLE_PROJECT in tree


def is_edit(kept: Mapping[bytes, Entry], delta: Delta) -> bool:
    """Return whether a change looks like a person's: it alters what was there.

    A template that is still being unpacked only adds files, and tools rewrite the few
    names that are theirs.
    """
    return any(
        path in kept
        and path not in WRITTEN_BY_MACHINES
        and not isinstance(entry, Directory)
        for path, entry in delta.set.items()
    )
