"""Bounds the size of a build: without its largest files, or not at all.

It is the small files that somebody wrote, and the large ones that something made.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from expokeep.errors import QuotaExceeded
from expokeep.model.size import shown
from expokeep.model.tree import Entry, files_in, size_bytes
from expokeep.snapshot.look import Look
from expokeep.snapshot.memory import Memory
from expokeep.snapshot.values import Policy
from expokeep.worktree.index import Index


class BuildTooBig(QuotaExceeded):
    """A build is larger than one may be, and stays at its last version."""

    hint = (
        "Make it smaller, leave something out by .expokeepignore, or let an operator "
        "raise limits.max-build-size-mb or set limits.on-build-too-big to partial."
    )


def bound(seen: Look, policy: Policy, memory: Memory) -> None:
    """Leave the largest files out, until the rest is not more than a build may be.

    Of two as large as each other, the one whose path sorts first goes: the same ones go
    each time.

    Raises:
        BuildTooBig: it is, and nothing is to be left out. What was read is remembered.
    """
    most, has = policy.max_build_bytes, size_bytes(seen.entries)
    if most is None or has + seen.unread_bytes <= most:
        return
    if policy.rejects_too_big:
        has += seen.unread_bytes
        memory.keep(Index(memory.index.pack, memory.index.tree, seen.known))
        raise BuildTooBig(f"a build may have {shown(most)}, and it has {shown(has)}")
    largest = sorted(
        files_in(seen.entries), key=lambda named: (-named[1].size_bytes, named[0])
    )
    for path, file in largest:
        if has <= most:
            return
        seen.leave_out(path)
        has -= file.size_bytes


def told(
    index: Index, seen: Look, believed: Mapping[bytes, Entry] | None
) -> tuple[Index, AbstractSet[bytes], Mapping[bytes, Entry] | None]:
    """Return what `Alongside.kept` is told: what was left out is there, not deleted."""
    left_out = seen.left_out
    if believed is not None and left_out:
        believed = {
            path: entry for path, entry in believed.items() if path not in left_out
        }
    return index, seen.entries.keys() | left_out, believed
