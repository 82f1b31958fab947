"""A history in git: every commit is its version, and git finds nothing wrong."""

import datetime
import hashlib
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep.export import lineage
from expokeep.export.gits import Stream, dates_of
from expokeep.export.lineage import Milestone
from expokeep.model.digest import Digest, digest_of
from expokeep.model.names import parents
from expokeep.model.tree import Directory, Entry, File, Link, Tree

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
Bodies = Mapping[bytes, bytes | tuple[str, bytes] | None]
"""Contents; what is executable; a link's target; None: an empty directory."""


def milestone(seq: int, parent: int | None = None, epoch: int = 1) -> Milestone:
    at = NOON + datetime.timedelta(hours=seq)
    return Milestone(seq, parent, epoch, at, "auto", None, None, None)


def tree_of(bodies: Bodies) -> Tree:
    tree: dict[bytes, Entry] = {}
    for path, body in bodies.items():
        for above in parents(path):
            tree[above] = Directory()
        match body:
            case None:
                tree[path] = Directory()
            case bytes():
                tree[path] = File(digest_of(body), len(body))
            case ("link", target):
                tree[path] = Link(target)
            case (_, other):
                tree[path] = File(digest_of(other), len(other), 0o755)
    return tree


class History:
    """Versions, and the stream that is made of them."""

    def __init__(self, versions: Mapping[Milestone, Bodies]) -> None:
        self.versions = versions
        self.asked: list[set[Digest]] = []
        self.kept = {
            digest_of(body): body
            for bodies in versions.values()
            for one in bodies.values()
            for body in [one if isinstance(one, bytes) else one[1] if one else b""]
        }

    def contents(
        self, wanted: Collection[Digest]
    ) -> Iterable[tuple[Digest, int, Iterable[bytes]]]:
        self.asked.append(set(wanted))
        return ((one, len(self.kept[one]), [self.kept[one]]) for one in wanted)

    def stream(self, head: int | None = None) -> Iterator[bytes]:
        stream = Stream()
        yield stream.begin()
        for one, bodies in self.versions.items():
            yield from stream.commit(one, "shop", tree_of(bodies), self.contents)
        commits = list(self.versions)
        yield from stream.end(*lineage.refs(commits, head), dates_of(commits))


def git(repository: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *words],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "r"], check=True)
    return tmp_path / "r"


def imported(repository: Path, stream: Iterable[bytes]) -> None:
    subprocess.run(
        ["git", "-C", str(repository), "fast-import", "--quiet"],
        input=b"".join(stream),
        check=True,
    )


def listed(repository: Path, commit: str) -> dict[bytes, tuple[str, str]]:
    raw = subprocess.run(
        ["git", "-C", str(repository), "ls-tree", "-r", "-z", commit],
        check=True,
        capture_output=True,
    ).stdout
    found = {}
    for line in filter(None, raw.split(b"\0")):
        about, _, path = line.partition(b"\t")
        mode, _, name = about.decode().split()
        found[path] = mode, name
    return found


def expected(bodies: Bodies) -> dict[bytes, tuple[str, str]]:
    found = {}
    for path, body in bodies.items():
        mode, contents = "100644", body
        if isinstance(body, tuple):
            mode = "120000" if body[0] == "link" else "100755"
            contents = body[1]
        if isinstance(contents, bytes):
            blob = b"blob %d\0%s" % (len(contents), contents)
            name = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
            found[path] = mode, name
    return found


STORY: dict[Milestone, Bodies] = {
    replace(milestone(1), message="the first", author="alice"): {
        b"App.js": b"1",
        b"src/a.js": b"same",
        b"swap": b"a file",
        b"dir/inner": b"x",
    },
    milestone(2, 1): {
        b"App.js": b"2",
        b"src/b.js": b"same",
        b"swap/inner": b"now a directory",
        b"dir": b"now a file",
        b"run": ("run", b"#!/bin/sh\n"),
        b"link": ("link", b"src/b.js"),
        b'odd "name"\n\\\xff': b"",
        b" lead": b"spaces",
    },
    replace(milestone(3, 2), parked="lost most"): {b"App.js": b"2"},
    milestone(4, None, epoch=2): {b"App.js": b"template", b"hollow": None},
    replace(milestone(5, 2), labels=("before the demo", "before-the-demo")): {
        b"App.js": ("run", b"2"),
        b"link": ("link", b"App.js"),
    },
}


def test_every_commit_is_its_version(repository: Path) -> None:
    imported(repository, History(STORY).stream(head=5))

    heads = {
        1: "main~2",
        2: "main~1",
        3: "parked/3",
        4: "epoch/2",
        5: "main",
    }
    for one, bodies in STORY.items():
        assert listed(repository, heads[one.seq]) == expected(bodies), one.seq
    assert git(repository, "fsck", "--strict", "--full") == ""
    names = git(repository, "for-each-ref", "--format=%(refname)").split()
    assert names == [
        "refs/heads/epoch/2",
        "refs/heads/main",
        "refs/heads/parked/3",
        "refs/tags/before-the-demo",
        "refs/tags/before-the-demo-2",
    ]
    said = git(repository, "log", "-1", "--format=%an|%ae|%aI|%B", "main~2")
    assert said.startswith(
        "alice|alice@expokeep.invalid|2026-11-24T13:00:00+00:00|the first\n"
    )
    assert "Expokeep-Version: shop@1" in said


def test_contents_are_written_once(repository: Path) -> None:
    history = History(STORY)

    stream = b"".join(history.stream(head=5))

    assert stream.count(b"\nsame\n") == 1
    asked = [digest for wanted in history.asked for digest in wanted]
    assert len(asked) == len(set(asked))


def test_a_stream_that_is_cut_short_is_no_repository(repository: Path) -> None:
    cut = b"".join(History(STORY).stream(head=5)).removesuffix(b"done\n")

    ended = subprocess.run(
        ["git", "-C", str(repository), "fast-import", "--quiet"],
        input=cut,
        check=False,
        capture_output=True,
    )

    assert ended.returncode != 0


def test_what_git_has_no_place_for_is_counted(repository: Path) -> None:
    bodies: Bodies = {
        b"hollow": None,
        b".git/config": b"[core]",
        b"a/.GIT/x": b"y",
        b"App.js": b"1",
        b".gitmodules": ("link", b"App.js"),
    }
    stream = Stream()
    chunks = [
        stream.begin(),
        *stream.commit(
            milestone(1),
            "shop",
            tree_of(bodies),
            History({milestone(1): bodies}).contents,
        ),
        *stream.end({b"refs/heads/main": 1}, {}, {}),
    ]

    imported(repository, chunks)

    assert git(repository, "ls-tree", "-r", "--name-only", "main") == "App.js\n"
    assert git(repository, "fsck", "--strict") == ""
    assert stream.left.empty_directories == {b"hollow"}
    assert stream.left.names == {b".git/config", b"a/.GIT/x", b".gitmodules"}


def test_days_are_squashed_to_their_last_version() -> None:
    history = [
        milestone(1),
        milestone(2, 1),
        replace(milestone(13, 2), parked="no"),
        milestone(14, 2),
        replace(milestone(15, 14), labels=("demo",)),
        milestone(16, 15),
        milestone(17, 16),
    ]

    by_day = lineage.chosen(history, "daily", head=17)
    by_label = lineage.chosen(history, "labels", head=17)

    assert [(one.seq, one.parent) for one in by_day] == [(2, None), (15, 2), (17, 15)]
    assert [(one.seq, one.parent) for one in by_label] == [(15, None), (17, 15)]


def test_all_versions_are_commits_unless_they_are_squashed() -> None:
    history = [milestone(3, 2), milestone(4, 3)]

    found = lineage.chosen(history, "none", head=4)

    assert [(one.seq, one.parent) for one in found] == [(3, None), (4, 3)]
