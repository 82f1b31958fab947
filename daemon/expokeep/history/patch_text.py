"""Patches as text in the form of `git diff`: `git apply` and `patch -p1` read it.

Lines end in a newline and in nothing else, so that no contents are ever changed by
having been shown.
"""

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

CONTEXT_LINES = 3
MAX_BYTES = 1024 * 1024
"""Larger files are not diffed."""
MAX_PAIRS = 25_000_000
"""Lines before times lines after, in the part that differs. Above that the whole part
counts as replaced: such a patch is long, and right."""

_LOOKED_AT_BYTES = 8000
_NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after; a symbolic link is a file that holds its target."""

    path: bytes
    mode: int
    """As git has it: 0o100644, 0o100755, 0o120000."""
    contents: bytes


@dataclass(frozen=True, slots=True)
class Patch:
    """What turns one side into the other."""

    text: str
    added_lines: int = 0
    removed_lines: int = 0
    is_binary: bool = False


def patch_of(old: Side | None, new: Side | None) -> Patch:
    """Return the patch from `old` to `new`; None is a file that is not there."""
    if old and new and old.mode & 0o170000 != new.mode & 0o170000:
        gone, came = patch_of(old, None), patch_of(None, new)
        return Patch(
            gone.text + came.text,
            came.added_lines,
            gone.removed_lines,
            gone.is_binary or came.is_binary,
        )
    if old == new:
        return Patch("")  # a head alone would make `git apply` refuse all of it
    head = "".join(_head(old, new))
    before, after = (side.contents if side else b"" for side in (old, new))
    if before == after:
        return Patch(head)
    names = _name("a/", old), _name("b/", new)
    if is_binary(before) or is_binary(after):
        text = f"Binary files {names[0]} and {names[1]} differ\n"
        return Patch(head + text, is_binary=True)
    hunks, added, removed = _hunks(lines_of(before), lines_of(after))
    lines = [f"--- {names[0]}\n", f"+++ {names[1]}\n", *hunks]
    return Patch(head + "".join(lines), added, removed)


def is_binary(contents: bytes) -> bool:
    r"""Return whether contents are not text: a NUL early on, or no UTF-8.

    >>> is_binary(b"caf\xc3\xa9\n"), is_binary(b"\x89PNG"), is_binary(b"a\0b")
    (False, True, True)
    """
    if b"\0" in contents[:_LOOKED_AT_BYTES]:
        return True
    try:
        contents.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def lines_of(contents: bytes) -> list[str]:
    r"""Return the lines of text, each with its newline if it has one.

    >>> lines_of(b"a\r\nb\x0cc")
    ['a\r\n', 'b\x0cc']
    """
    lines = [f"{line}\n" for line in contents.decode("utf-8").split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def quoted(path: bytes) -> str:
    r"""Return a path as git reads it: in C quotes if it holds anything unusual.

    A blank is unusual here, although git writes it bare: where a patch has no lines,
    `patch` would not find the end of the name.

    >>> quoted(b"src/App.js"), quoted(b"a\xff\n")
    ('src/App.js', '"a\\377\\n"')
    """
    plain = all(0x20 < byte < 0x7F and byte not in b'"\\' for byte in path)
    if plain:
        return path.decode("ascii")
    return '"' + "".join(_escaped(byte) for byte in path) + '"'


def _head(old: Side | None, new: Side | None) -> Iterator[str]:
    one, other = old or new, new or old
    assert one is not None  # noqa: S101 - nobody compares nothing with nothing
    assert other is not None  # noqa: S101 - the same
    first, second = quoted(b"a/" + one.path), quoted(b"b/" + other.path)
    yield f"diff --git {first} {second}\n"
    if old is None:
        yield f"new file mode {other.mode:o}\n"
    elif new is None:
        yield f"deleted file mode {one.mode:o}\n"
    elif old.mode != new.mode:
        yield f"old mode {old.mode:o}\nnew mode {new.mode:o}\n"
    if one.path != other.path:
        same = "similarity index 100%\n" if one.contents == other.contents else ""
        yield f"{same}rename from {quoted(one.path)}\nrename to {quoted(other.path)}\n"
    if old is None or new is None or old.contents != new.contents:
        # The mode is there if it stays: it tells `patch` that this is a link.
        mode = f" {one.mode:o}" if old and new and old.mode == new.mode else ""
        yield f"index {_git_name(old)}..{_git_name(new)}{mode}\n"


def _git_name(side: Side | None) -> str:
    """Return how git names contents, so that `git apply --3way` knows them."""
    if side is None:
        return "0" * 40
    whole = b"blob %d\0%b" % (len(side.contents), side.contents)
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def _name(prefix: str, side: Side | None) -> str:
    return quoted(prefix.encode() + side.path) if side else "/dev/null"


def _escaped(byte: int) -> str:
    known = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r"}
    if byte in known:
        return known[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def _hunks(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], int, int]:
    """Return the hunks, and how many lines came and went."""
    pairs = zip(old, new, strict=False)
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    most = min(len(old), len(new)) - start
    tails = zip(reversed(old), reversed(new), strict=False)
    equal = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], tails))
    tail = min(equal, most)
    # What is the same before and after costs the matcher most, and tells it nothing.
    first = max(start - CONTEXT_LINES, 0)
    rest = max(tail - CONTEXT_LINES, 0)
    window = old[first : len(old) - rest], new[first : len(new) - rest]
    lines: list[str] = []
    added = removed = 0
    for group in _groups(*window, skip=(start - first, tail - rest)):
        lines.append(_hunk_head(group, first))
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += _marked(" ", window[0][old_from:old_to])
                continue
            lines += _marked("-", window[0][old_from:old_to])
            lines += _marked("+", window[1][new_from:new_to])
            removed += old_to - old_from
            added += new_to - new_from
    return lines, added, removed


_Step = tuple[str, int, int, int, int]


def _groups(
    old: Sequence[str], new: Sequence[str], *, skip: tuple[int, int]
) -> Iterator[Sequence[_Step]]:
    """Yield the steps of each hunk; `skip` lines at both ends are known to be equal."""
    old_end, new_end = len(old) - skip[1], len(new) - skip[1]
    if (old_end - skip[0]) * (new_end - skip[0]) <= MAX_PAIRS:
        matcher = difflib.SequenceMatcher(None, old, new)
        yield from matcher.get_grouped_opcodes(CONTEXT_LINES)
        return
    yield [
        ("equal", 0, skip[0], 0, skip[0]),
        ("replace", skip[0], old_end, skip[0], new_end),
        ("equal", old_end, len(old), new_end, len(new)),
    ]


def _hunk_head(group: Sequence[_Step], first: int) -> str:
    old = _range(group[0][1] + first, group[-1][2] + first)
    new = _range(group[0][3] + first, group[-1][4] + first)
    return f"@@ -{old} +{new} @@\n"


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}"
        if not line.endswith("\n"):
            yield f"\n{_NO_NEWLINE}"
