"""A history as a stream for `git fast-import`: one commit a version.

Contents are written once, before the first commit that names them; a commit says what
changed since its parent. A stream that is cut short makes fast-import fail, because it
has to end in `done`.
"""

import datetime
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from expokeep.export.lineage import Milestone
from expokeep.model.digest import Digest
from expokeep.model.tree import Directory, Entry, File, Link, Tree, diff, files_in

Contents = Callable[[Collection[Digest]], Iterable[tuple[Digest, int, Iterable[bytes]]]]
"""Yields contents, each once, in any order, and proved."""

_IGNORED_BY_HFS = re.compile(r"[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_STAND = b"refs/expokeep/import"
"""Where a commit stands while it is written; what is to stay is named at the end."""
_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')
_NO_IDENTITY = re.compile(r"[\x00-\x1f\x7f<>]+")
_NO_ADDRESS = re.compile(r"[^A-Za-z0-9._-]+")
_IS_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")


@dataclass(slots=True)
class Left:
    """What git has no place for: how much of it, over all commits."""

    empty_directories: set[bytes] = field(default_factory=set)
    names: set[bytes] = field(default_factory=set)
    """Paths that git refuses, such as those below a `.git`."""


class Stream:
    """One stream. Commits come oldest first."""

    def __init__(self, left: Left | None = None) -> None:
        self.left = left or Left()
        self._marks: dict[Digest, int] = {}
        self._commits: dict[int, int] = {}
        self._trees: dict[int, Tree] = {}
        """Of the commits that the next ones may follow: what was written of each."""
        self._next = 1

    def begin(self) -> bytes:
        """Return what comes first."""
        return b"feature done\n"

    def commit(
        self, one: Milestone, session: str, tree: Tree, contents: Contents
    ) -> Iterator[bytes]:
        """Yield a commit, and the contents that no commit before had."""
        fit = self._fit(tree)
        new = {e.digest for _, e in files_in(fit) if e.digest not in self._marks}
        for digest, size_bytes, chunks in contents(new) if new else ():
            mark = self._marks[digest] = self._mark()
            yield b"blob\nmark :%d\ndata %d\n" % (mark, size_bytes)
            yield from chunks
            yield b"\n"
        mark = self._commits[one.seq] = self._mark()
        yield self._head(one, session, mark)
        before = self._trees.pop(one.parent, None) if one.parent is not None else {}
        if one.parent is not None and before is None:
            yield b"deleteall\n"
        yield from self._changes(before or {}, fit)
        yield b"\n"
        self._trees[one.seq] = fit

    def end(
        self,
        branches: Mapping[bytes, int],
        tags: Mapping[bytes, tuple[int, str]],
        dates: Mapping[int, datetime.datetime],
    ) -> Iterator[bytes]:
        """Yield branches and tags, and the end."""
        for name, seq in branches.items():
            yield b"reset %s\nfrom :%d\n\n" % (name, self._commits[seq])
        for name, (seq, label) in tags.items():
            tag, message = name.removeprefix(b"refs/tags/"), label.encode()
            yield b"tag %s\nfrom :%d\n" % (tag, self._commits[seq])
            yield b"tagger %s %s\n" % (_identity(None), _moment(dates[seq]))
            yield b"data %d\n%s\n" % (len(message), message)
        if self._commits:
            yield b"reset %s\nfrom %s\n\n" % (_STAND, b"0" * 40)
        yield b"done\n"

    def _mark(self) -> int:
        mark, self._next = self._next, self._next + 1
        return mark

    def _head(self, one: Milestone, session: str, mark: int) -> bytes:
        message = _message(one, session).encode()
        who = b"%s %s" % (_identity(one.author), _moment(one.taken_at))
        lines = [
            b"commit " + _STAND,
            b"mark :%d" % mark,
            b"author " + who,
            b"committer " + who,
            b"data %d\n%s" % (len(message), message),
        ]
        if one.parent is not None:
            lines.append(b"from :%d" % self._commits[one.parent])
        start = b"" if one.parent is not None else b"reset %s\n\n" % _STAND
        return start + b"\n".join(lines) + b"\n"

    def _changes(self, before: Tree, after: Tree) -> Iterator[bytes]:
        changed = diff(before, after)
        for path in sorted(changed.gone):
            yield b"D %s\n" % quoted(path)
        for path in sorted(changed.set):
            entry = after[path]
            if isinstance(entry, Link):
                target = entry.target
                yield b"M 120000 inline %s\n" % quoted(path)
                yield b"data %d\n%s\n" % (len(target), target)
            elif isinstance(entry, File):
                mode = b"100755" if entry.mode & 0o100 else b"100644"
                mark = self._marks[entry.digest]
                yield b"M %s :%d %s\n" % (mode, mark, quoted(path))

    def _fit(self, tree: Tree) -> dict[bytes, Entry]:
        """Return what git has a place for: files and links, by their modes."""
        used = {path.rpartition(b"/")[0] for path in tree}
        fit: dict[bytes, Entry] = {}
        for path, entry in tree.items():
            if isinstance(entry, Directory):
                if path not in used:
                    self.left.empty_directories.add(path)
            elif is_refused(path, entry):
                self.left.names.add(path)
            elif isinstance(entry, File):
                mode = 0o755 if entry.mode & 0o100 else 0o644
                fit[path] = File(entry.digest, entry.size_bytes, mode)
            else:
                fit[path] = entry
        return fit


def is_refused(path: bytes, entry: Entry) -> bool:
    r"""Return whether git would refuse a path, on this or another system.

    >>> link = Link(b"x")
    >>> is_refused(b"a/.GIT/config", link), is_refused(b".git /x", link)
    (True, True)
    >>> is_refused(b".gitignore", link), is_refused(b".gitmodules", link)
    (False, True)
    """
    parts = [_folded(part) for part in path.split(b"/")]
    if any(part in (".git", "git~1") for part in parts):
        return True
    return isinstance(entry, Link) and parts[-1] in (".gitmodules", "gitmod~1")


def quoted(path: bytes) -> bytes:
    r"""Return a path as fast-import reads it, whatever bytes it is of.

    >>> print(quoted(b'a "b"\n\xff').decode())
    "a \"b\"\012\377"
    """
    escaped = (
        b"%c" % byte
        if byte in _PLAIN
        else b"\\%c" % byte
        if byte in b'"\\'
        else b"\\%03o" % byte
        for byte in path
    )
    return b'"%s"' % b"".join(escaped)


def _folded(part: bytes) -> str:
    """Return a name as the file systems of other systems would take it."""
    text = _IGNORED_BY_HFS.sub("", part.decode("utf-8", "surrogateescape"))
    return text.lower().partition(":")[0].rstrip(" .")


def _message(one: Milestone, session: str) -> str:
    first = one.message or f"Version {one.seq}"
    trailers = [
        f"Expokeep-Version: {session}@{one.seq}",
        f"Expokeep-Trigger: {one.trigger}",
    ]
    if one.parked is not None:
        trailers.append(f"Expokeep-Parked: {_NO_IDENTITY.sub(' ', one.parked)}")
    return f"{first}\n\n" + "\n".join(trailers) + "\n"


def _identity(author: str | None) -> bytes:
    name = _NO_IDENTITY.sub(" ", author or "").strip() or "expokeep"
    email = name
    if not _IS_EMAIL.fullmatch(name):
        email = f"{_NO_ADDRESS.sub('-', name)}@expokeep.invalid"
    return f"{name} <{email}>".encode()


def _moment(at: datetime.datetime) -> bytes:
    return b"%d +0000" % max(0, int(at.timestamp()))


def dates_of(commits: Sequence[Milestone]) -> dict[int, datetime.datetime]:
    """Return when each version was taken."""
    return {one.seq: one.taken_at for one in commits}
