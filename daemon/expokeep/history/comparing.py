"""Changes as documents: how large, how many lines, and as a patch if asked.

Contents are fetched once for all changes, and only those that can be shown.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from msgspec.structs import replace

from expokeep.history.changes import Change, Read
from expokeep.history.documents import ChangeDocument
from expokeep.history.patch_text import MAX_BYTES, Side, patch_of
from expokeep.model.digest import Digest
from expokeep.model.documents import EntryType
from expokeep.model.names import to_text
from expokeep.model.tree import Directory, Entry, File, Link

Detail = Literal["names", "stat", "patch"]
"""What is told of a change: only that it is; with its lines counted; as a patch."""

MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""So much is read for one comparison; what comes after is only named."""

_TYPES: dict[type[Entry], EntryType] = {
    File: "file",
    Link: "link",
    Directory: "directory",
}


def compared(
    changes: Collection[Change], detail: Detail, read: Read
) -> tuple[ChangeDocument, ...]:
    """Return changes as documents, in their order."""
    if detail == "names":
        return tuple(_document(change) for change in changes)
    wanted = _affordable(changes)
    contents = read(wanted) if wanted else {}
    return tuple(_detailed(change, detail, contents) for change in changes)


def _affordable(changes: Iterable[Change]) -> frozenset[Digest]:
    """Return the contents to read, in the order of changes, up to the limit."""
    wanted: set[Digest] = set()
    left_bytes = MAX_TOTAL_BYTES
    for change in changes:
        files = [] if _is_same(change) else _files(change)
        new = {file.digest: file.size_bytes for file in files}
        cost = sum(size for digest, size in new.items() if digest not in wanted)
        if all(size <= MAX_BYTES for size in new.values()) and cost <= left_bytes:
            wanted |= new.keys()
            left_bytes -= cost
    return frozenset(wanted)


def _is_same(change: Change) -> bool:
    """Return whether a file only moved."""
    return change.kind == "R" and len({one.digest for one in _files(change)}) == 1


def _files(change: Change) -> list[File]:
    return [side for side in (change.old, change.new) if isinstance(side, File)]


def _detailed(
    change: Change, detail: Detail, contents: Mapping[Digest, bytes]
) -> ChangeDocument:
    if _is_same(change):
        # The contents are the same: any will do, and none has to be read.
        contents = {file.digest: b"" for file in _files(change)}
    if note := _obstacle(change, contents):
        return replace(_document(change), note=note)
    old = _side(change.old_path or change.path, change.old, contents)
    new = _side(change.path, change.new, contents)
    if old is None and new is None:
        return replace(_document(change), note="a patch has no directories")
    patch = patch_of(old, new)
    if patch.is_binary:
        return replace(_document(change), binary=True, note="not text")
    if not patch.text:
        return replace(_document(change), note="a patch has no modes but +x and -x")
    return replace(
        _document(change),
        added_lines=patch.added_lines,
        removed_lines=patch.removed_lines,
        patch=patch.text if detail == "patch" else None,
    )


def _obstacle(change: Change, contents: Mapping[Digest, bytes]) -> str | None:
    for file in _files(change):
        if file.digest not in contents:
            large = file.size_bytes > MAX_BYTES
            return "larger than 1 MiB" if large else "too much to compare at once"
    return None


def _side(
    path: bytes, entry: Entry | None, contents: Mapping[Digest, bytes]
) -> Side | None:
    match entry:
        case File():
            mode = 0o100755 if entry.mode & 0o100 else 0o100644
            return Side(path, mode, contents[entry.digest])
        case Link():
            return Side(path, 0o120000, entry.target)
        case _:
            return None


def _document(change: Change) -> ChangeDocument:
    entry = change.new or change.old
    assert entry is not None  # noqa: S101 - a change has at least one side
    retyped = change.old if change.kind == "T" else None
    return ChangeDocument(
        change=change.kind,
        path=to_text(change.path),
        type=_TYPES[type(entry)],
        old_path=to_text(change.old_path) if change.old_path else None,
        old_type=_TYPES[type(retyped)] if retyped else None,
        size_bytes=_size(change.new),
        old_size_bytes=_size(change.old),
        mode=_mode(change.new),
        old_mode=_mode(change.old),
    )


def _size(entry: Entry | None) -> int | None:
    return entry.size_bytes if isinstance(entry, File) else None


def _mode(entry: Entry | None) -> str | None:
    return f"{entry.mode:04o}" if isinstance(entry, File | Directory) else None
