"""Which version becomes head by itself. Pure rules, each with its reason in words.

The app around us removes a session's directory and puts a blank template in its place,
whenever a page is refreshed after a restart. That must not bury what a person made.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from expokeep.model.tree import Delta, Directory, Entry, File, Tree, files_in

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


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a version may lose of the one before it without being looked at."""

    max_lost_percent: int = 50
    min_lost_files: int = 5


def loss(before: Tree, after: Tree, limits: Limits) -> str | None:
    """Return how much a tree lost, if that is more than anybody does by the way.

    A file that was renamed is not lost: its contents are there under a new name.

    >>> from expokeep.model.digest import Digest
    >>> many = {b"%d" % n: File(Digest(bytes([n] * 32)), 1) for n in range(10)}
    >>> loss(many, {b"0": many[b"0"]}, Limits())
    'it lost 9 of 10 files'
    """
    had = dict(files_in(before))
    came = Counter(
        entry.digest for path, entry in files_in(after) if path not in before
    )
    lost_count = 0
    for path, entry in had.items():
        if isinstance(after.get(path), File):
            continue
        if came[entry.digest] > 0:
            came[entry.digest] -= 1
        else:
            lost_count += 1
    is_much = lost_count * 100 > limits.max_lost_percent * len(had)
    if lost_count < limits.min_lost_files or not is_much:
        return None
    return f"it lost {lost_count} of {len(had)} files"


def is_whole(tree: Tree) -> bool:
    """Return whether a tree is a project and not only a piece of one."""
    return WHOLE_PROJECT in tree


def _is_empty(entry: Entry) -> bool:
    return isinstance(entry, File) and entry.size_bytes == 0


def is_edit(kept: Mapping[bytes, Entry], delta: Delta) -> bool:
    """Return whether a change looks like a person's: it alters what was there.

    A template that is still being unpacked only adds files, or fills one that was seen
    before its first byte, and tools rewrite the few names that are theirs.
    """
    return any(
        path in kept
        and not _is_empty(kept[path])
        and path not in WRITTEN_BY_MACHINES
        and not isinstance(entry, Directory)
        for path, entry in delta.set.items()
    )
