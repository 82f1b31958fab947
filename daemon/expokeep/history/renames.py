"""Which files were moved and edited at once: those that still say much the same. Pure.

As git does it: what two files have in common is counted in lines, whatever their order.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ALIKE = 0.5
"""So much of the larger one has to be in both, in bytes."""
MAX_BYTES = 1024 * 1024
"""Larger files are not looked at."""
MAX_PAIRS = 40_000
"""With more to compare than this, nothing is: such a change is told of as it is."""
MAX_TOTAL_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Text:
    path: bytes
    size_bytes: int
    lines: Counter[bytes]


def candidates(
    gone: Mapping[bytes, int], came: Mapping[bytes, int]
) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the paths whose contents are worth reading, of sizes in bytes by path.

    >>> candidates({b"a.js": 100, b"b.png": 90}, {b"c.js": 120, b"huge.js": 900})
    (frozenset({b'a.js'}), frozenset({b'c.js'}))
    """
    if len(gone) * len(came) > MAX_PAIRS:
        return frozenset(), frozenset()
    pairs = [
        (old, new)
        for old, old_bytes in gone.items()
        for new, new_bytes in came.items()
        if _may_be_alike(old_bytes, new_bytes) and _end(old) == _end(new)
    ]
    olds, news = (
        (frozenset(side) for side in zip(*pairs, strict=True))
        if pairs
        else (
            frozenset[bytes](),
            frozenset[bytes](),
        )
    )
    total_bytes = sum(gone[path] for path in olds) + sum(came[path] for path in news)
    if total_bytes > MAX_TOTAL_BYTES:
        return frozenset(), frozenset()
    return olds, news


def alike(
    gone: Mapping[bytes, bytes], came: Mapping[bytes, bytes]
) -> dict[bytes, bytes]:
    r"""Return new path to old path of what was moved and edited, of contents by path.

    The most alike first; then the same last name; then in order.

    >>> old = {b"a.js": b"1\n2\n3\n4\n"}
    >>> alike(old, {b"b.js": b"1\n2\n3\n5\n", b"c.js": b"6\n7\n8\n9\n"})
    {b'b.js': b'a.js'}
    """
    found: dict[bytes, bytes] = {}
    taken: set[bytes] = set()
    for _, _, old, new in sorted(_pairs(_texts(gone), _texts(came))):
        if old not in taken and new not in found:
            found[new] = old
            taken.add(old)
    return found


def _pairs(
    gone: list[_Text], came: list[_Text]
) -> Iterator[tuple[float, bool, bytes, bytes]]:
    for old in gone:
        for new in came:
            if not _may_be_alike(old.size_bytes, new.size_bytes):
                continue
            share = _shared_bytes(old, new) / max(old.size_bytes, new.size_bytes)
            if share >= ALIKE:
                other = _name(old.path) != _name(new.path)
                yield -share, other, old.path, new.path


def _texts(contents: Mapping[bytes, bytes]) -> list[_Text]:
    return [
        _Text(path, len(one), Counter(one.splitlines(keepends=True)))
        for path, one in contents.items()
    ]


def _shared_bytes(old: _Text, new: _Text) -> int:
    few, many = sorted((old.lines, new.lines), key=len)
    return sum(len(line) * min(count, many[line]) for line, count in few.items())


def _may_be_alike(old_bytes: int, new_bytes: int) -> bool:
    small, large = sorted((old_bytes, new_bytes))
    return small >= ALIKE * large and 0 < large <= MAX_BYTES


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _end(path: bytes) -> bytes:
    return _name(path).rpartition(b".")[2].lower()
