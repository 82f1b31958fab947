"""Decides what a restore does, given a version and what is at the target. Pure."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from expokeep.errors import NotFound, TargetExists, UsageError
from expokeep.model.names import for_terminal, parents
from expokeep.model.tree import Entry, Tree

Target = Literal["missing", "empty", "occupied"]
"""What is at the place where a restore is to go."""
Existing = Literal["refuse", "keep", "swap"]
"""What to do with a target that is occupied: the caller's word."""
Action = Literal["nothing", "create", "swap"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore will do."""

    action: Action
    tree: Tree
    """What will be at the target; a part of the version if globs were given."""


def decide(
    tree: Tree, globs: Sequence[bytes], target: Target, existing: Existing, name: str
) -> Plan:
    """Return what to do.

    Args:
        tree: of the version.
        globs: only what matches one of these; none means everything.
        target: what is there now.
        existing: what the caller allows.
        name: of the target, for messages.

    Raises:
        TargetExists: something is there and nobody said what to do with it.
        NotFound: no path matches a glob.
        UsageError: part of a version would take the place of all that is there.
    """
    if target == "occupied" and existing == "keep":
        return Plan("nothing", tree)
    if target == "occupied" and existing == "refuse":
        raise TargetExists(f"{name} exists and is not empty")
    if target == "occupied" and globs:
        raise UsageError(
            f"--path with --swap would replace all of {name} by a part of a version; "
            "restore the part with --to into a new directory"
        )
    chosen = chosen_by(globs, tree) if globs else tree
    return Plan("swap" if target == "occupied" else "create", chosen)


def chosen_by(globs: Sequence[bytes], tree: Tree) -> dict[bytes, Entry]:
    """Return what matches, all that is below it, and the directories above it.

    Raises:
        NotFound: a glob matches nothing.
    """
    wanted: set[bytes] = set()
    for glob in globs:
        pattern = glob.strip(b"/")
        found = {
            path
            for path in tree
            if any(
                fnmatch.fnmatchcase(part, pattern) for part in (*parents(path), path)
            )
        }
        if not found:
            raise NotFound(f"no path of this version matches {for_terminal(glob)}")
        wanted |= found
    wanted |= {above for path in wanted for above in parents(path)}
    return {path: entry for path, entry in tree.items() if path in wanted}
