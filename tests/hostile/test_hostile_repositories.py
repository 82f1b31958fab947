"""Repositories of strangers that are made to do harm: what only size and time can do.

URLs, hooks, filters, submodules and names are in tests/unit/export/test_cloning.py.
"""

import hashlib
import os
import subprocess
import zlib
from pathlib import Path

import pytest

from expokeep.errors import QuotaExceeded, TimedOut
from expokeep.export.checked_in import checked_in
from expokeep.export.cloning import cloned, origin
from expokeep.export.heap import heap
from expokeep.export.incoming import Bounds, ImportRefused, Incoming
from expokeep.export.repository import GitFailed
from expokeep.model.tree import Entry, Link

BOUNDS = Bounds(max_bytes=8 << 20, max_file_bytes=4 << 20, max_entries=1000)
REFUSED = (ImportRefused, QuotaExceeded, GitFailed, TimedOut)


class Repository:
    """A bare repository whose objects are whatever a test writes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.git("init", "-q", "--bare", "-b", "main", str(place))

    def git(self, *words: str, **options: object) -> bytes:
        return subprocess.run(
            ["git", *words],
            check=True,
            capture_output=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.place.parent)},
            **options,
        ).stdout

    def object(self, kind: bytes, raw: bytes) -> str:
        """Write an object that no git would write."""
        whole = b"%b %d\0" % (kind, len(raw)) + raw
        name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = self.place / "objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(whole, 9))
        return name

    def tree(self, *entries: tuple[bytes, bytes, str]) -> str:
        raw = b"".join(
            mode + b" " + name + b"\0" + bytes.fromhex(sha)
            for mode, name, sha in entries
        )
        return self.object(b"tree", raw)

    def commit(self, tree: str, when: bytes = b"1700000000 +0000") -> None:
        who = b"a <a@b.c> " + when
        raw = b"tree %b\nauthor %b\ncommitter %b\n\nx\n" % (tree.encode(), who, who)
        head = self.place / "refs/heads/main"
        head.write_text(self.object(b"commit", raw) + "\n")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def imported(repository: Repository) -> dict[bytes, Entry]:
    with heap() as held:
        incoming = Incoming(held, BOUNDS)
        with cloned(origin(str(repository.place)), 32 << 20, timeout_s=60) as clone:
            checked_in(clone, incoming)
        return incoming.tree()


def test_a_tree_of_trees_of_trees_is_counted_and_not_walked(repository):
    """Ten names, each ten times what is below: ten thousand million files."""
    below = repository.tree((b"100644", b"f", repository.object(b"blob", b"x")))
    for _ in range(10):
        below = repository.tree(*((b"40000", b"%d" % n, below) for n in range(10)))
    repository.commit(below)

    with pytest.raises(QuotaExceeded):
        imported(repository)


def test_a_small_object_that_is_large_is_not_taken(repository):
    blob = repository.object(b"blob", bytes(16 << 20))
    repository.commit(repository.tree((b"100644", b"zeros", blob)))

    with pytest.raises(REFUSED):
        imported(repository)


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"a/b", b"a\\..\\b", b"git~1", b""]
)
def test_a_name_that_git_would_not_write_leads_nowhere(repository, name):
    blob = repository.object(b"blob", b"x")
    fine = (b"100644", b"z", blob)
    repository.commit(repository.tree((b"100644", name, blob), fine))

    try:
        tree = imported(repository)
    except REFUSED:
        return
    parts = {part for path in tree for part in path.split(b"/")}
    assert not parts & {b"..", b".", b""}


def test_a_directory_and_a_link_of_one_name_are_refused(repository):
    """The clone that follows the link and writes below it: there is no checkout."""
    evil = repository.tree(
        (b"100644", b"post-checkout", repository.object(b"blob", b"#!/bin/sh\n"))
    )
    link = repository.object(b"blob", b".git")
    repository.commit(
        repository.tree(
            (b"120000", b"a", link),
            (b"40000", b"a", evil),
            (b"100644", b"z", repository.object(b"blob", b"x")),
        )
    )

    with pytest.raises(REFUSED):
        imported(repository)


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../../x", b"x" * 5000, b"a\0b"])
def test_a_link_that_leads_out_is_not_there(repository, target):
    repository.commit(
        repository.tree(
            (b"120000", b"link", repository.object(b"blob", target)),
            (b"100644", b"z", repository.object(b"blob", b"x")),
        )
    )

    try:
        tree = imported(repository)
    except REFUSED:
        return
    assert not any(isinstance(entry, Link) for entry in tree.values())


@pytest.mark.parametrize("mode", [b"104755", b"060644", b"000000", b"777777", b"1"])
def test_a_mode_that_git_does_not_know_is_refused_or_plain(repository, mode):
    repository.commit(
        repository.tree((mode, b"a", repository.object(b"blob", b"#!/bin/sh\n")))
    )

    try:
        tree = imported(repository)
    except REFUSED:
        return
    assert all(entry.mode & ~0o777 == 0 for entry in tree.values())


@pytest.mark.parametrize("when", [b"99999999999999999999 +0000", b"-1 +0000", b"x"])
def test_a_moment_that_is_none_is_some_moment(repository, when):
    repository.commit(
        repository.tree((b"100644", b"a", repository.object(b"blob", b"x"))), when
    )

    try:
        tree = imported(repository)
    except REFUSED:
        return
    assert all(0 <= entry.mtime_ns <= 2**62 for entry in tree.values())


def git_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put another program in the place of git: one that was taken over."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    place = tmp_path / "theirs"
    place.mkdir()
    return place


@pytest.mark.parametrize(
    "script",
    [
        "exec head -c 1000000000 /dev/zero >&2",
        "exec head -c 1000000000 /dev/zero > repository",
        "exec perl -e '$x = \"a\" x 4000000000; print length $x'",
        "while :; do :; done",
        "ulimit -c; kill -SEGV $$",
    ],
    ids=["says", "writes", "holds", "spins", "crashes"],
)
def test_whatever_git_does_has_an_end(tmp_path, monkeypatch, script):
    """What an object, or a server, could make of it."""
    place = git_that(tmp_path, monkeypatch, script)

    with (
        pytest.raises((QuotaExceeded, GitFailed, TimedOut)) as error,
        cloned(origin(str(place)), 1 << 20, timeout_s=2),
    ):
        pass

    assert len(str(error.value)) < 10_000
    assert not list(tmp_path.glob("core*"))


def test_what_git_says_is_shown_as_letters_only(tmp_path, monkeypatch):
    place = git_that(
        tmp_path,
        monkeypatch,
        r"printf 'remote: \033]0;owned\007\342\200\256' >&2; exit 1",
    )

    with pytest.raises(GitFailed) as error, cloned(origin(str(place)), 1 << 20, 60):
        pass

    assert "owned" in str(error.value)
    assert not {"\x1b", "\x07", "\u202e"} & set(str(error.value))
