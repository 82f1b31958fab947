"""Repositories of strangers: their objects are read, and nothing of theirs is run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from expokeep.errors import QuotaExceeded, TimedOut, UsageError
from expokeep.export.checked_in import checked_in
from expokeep.export.cloning import cloned, origin
from expokeep.export.heap import heap
from expokeep.export.incoming import Bounds, ImportRefused, Incoming
from expokeep.export.repository import GitFailed
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, Entry, File, Link

BOUNDS = Bounds(max_bytes=1 << 20, max_file_bytes=1 << 19, max_entries=100)
Git = Callable[..., str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    top = tmp_path / "a place, 100%"
    top.mkdir()
    return top


@pytest.fixture
def git(place: Path) -> Git:
    """Run git in a repository that is about to be imported."""

    def run(*words: str, **options: str) -> str:
        who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c"}
        who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c"}
        environment = {"PATH": os.environ["PATH"], "HOME": str(place), **who, **options}
        return subprocess.run(
            ["git", "-C", str(place), *words],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        ).stdout

    run("init", "-q", "-b", "main")
    return run


def commit(git: Git, *, at: int = 1_700_000_000) -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "all", GIT_COMMITTER_DATE=f"{at} +0000")


def imported(
    place: Path, ref: str | None = None, bounds: Bounds = BOUNDS
) -> tuple[dict[bytes, Entry], dict[bytes, str]]:
    with heap() as held:
        incoming = Incoming(held, bounds)
        with cloned(origin(str(place), ref), 8 << 20, timeout_s=60) as clone:
            checked_in(clone, incoming)
            home = clone.home
        assert not home.exists()
        return incoming.tree(), incoming.skipped


def test_the_newest_commit_comes_in_as_it_is_checked_in(place: Path, git: Git) -> None:
    (place / "src").mkdir()
    (place / "src/a.js").write_bytes(b"a\r\n")
    (place / os.fsdecode(b"caf\xe9 \xff\n")).write_bytes(b"odd")
    (place / "run").write_bytes(b"#!/bin/sh\n")
    (place / "run").chmod(0o755)
    (place / "link").symlink_to("src/a.js")
    # What a checkout or an archive would do with these is not what is checked in.
    (place / ".gitattributes").write_text(
        "*.js text eol=lf export-subst filter=evil\nrun export-ignore\n"
    )
    commit(git)
    (place / "src/a.js").write_bytes(b"not checked in")

    tree, skipped = imported(place)

    body = git("cat-file", "-p", "HEAD:src/a.js").encode()
    assert tree[b"src/a.js"] == File(digest_of(body), len(body), 0o644)
    assert tree[b"run"] == File(digest_of(b"#!/bin/sh\n"), 10, 0o755)
    assert tree[b"link"] == Link(b"src/a.js")
    assert tree[b"src"] == Directory()
    assert b"caf\xe9 \xff\n" in tree
    assert skipped == {}
    times = {entry.mtime_ns for entry in tree.values() if isinstance(entry, File)}
    assert times == {1_700_000_000_000_000_000}


def test_a_branch_or_a_tag_can_be_named(place: Path, git: Git) -> None:
    (place / "a").write_text("1")
    commit(git)
    git("tag", "v1")
    git("switch", "-q", "-c", "topic/x")
    (place / "a").write_text("2")
    commit(git)
    git("switch", "-q", "main")

    assert imported(place, "v1")[0][b"a"] == File(digest_of(b"1"), 1)
    assert imported(place, "topic/x")[0][b"a"] == File(digest_of(b"2"), 1)
    with pytest.raises(GitFailed):
        imported(place, "no-such")


def test_nothing_of_a_repository_is_run(place: Path, git: Git, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\nexec cat\n")
    evil.chmod(0o755)
    (place / "a.js").write_text("1")
    (place / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (place / ".gitmodules").write_text('[submodule "s"]\npath = s\nurl = /etc\n')
    commit(git)
    git("config", "filter.evil.smudge", str(evil))
    git("config", "filter.evil.process", str(evil))
    git("config", "core.fsmonitor", str(evil))
    for hook in ("post-checkout", "reference-transaction", "post-upload-pack"):
        (place / ".git/hooks").mkdir(exist_ok=True)
        (place / ".git/hooks" / hook).symlink_to(evil)

    imported(place)

    assert not proof.exists()


def test_git_does_not_see_the_callers_settings(
    place: Path, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "a").write_text("1")
    commit(git)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.https://evil.invalid/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "file://")
    (tmp_path / ".gitconfig").write_text(
        '[url "https://evil.invalid/"]\ninsteadOf=file://'
    )

    assert b"a" in imported(place)[0]


def test_submodules_are_left_out_and_named(place: Path, git: Git) -> None:
    (place / "a").write_text("1")
    commit(git)
    head = git("rev-parse", "HEAD").strip()
    git("update-index", "--add", "--cacheinfo", f"160000,{head},libs/sub")
    git("commit", "-q", "-m", "sub")

    tree, skipped = imported(place)

    assert sorted(tree) == [b"a"]
    assert skipped == {b"libs/sub": "a submodule"}


def test_a_repository_that_climbs_is_refused(place: Path, git: Git) -> None:
    (place / "a").write_text("1")
    commit(git)
    blob = git("rev-parse", "HEAD:a").strip()
    # No git makes such a tree; whoever is hostile does.
    raw = b"100644 ..\0" + bytes.fromhex(blob)
    made = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
        cwd=place,
        input=raw,
        check=True,
        capture_output=True,
    ).stdout.decode()
    hostile = git("commit-tree", "-m", "x", made.strip()).strip()
    git("update-ref", "refs/heads/main", hostile)

    with pytest.raises((ImportRefused, GitFailed)):
        imported(place)


def test_too_much_is_refused(place: Path, git: Git) -> None:
    (place / "a").write_bytes(os.urandom(4000))
    (place / "b").write_bytes(b"x" * 4000)
    commit(git)

    with pytest.raises(QuotaExceeded):
        imported(place, bounds=Bounds(max_bytes=6000, max_file_bytes=6000))
    with pytest.raises(QuotaExceeded):
        imported(place, bounds=Bounds(max_bytes=9000, max_file_bytes=3000))
    with pytest.raises(QuotaExceeded):
        imported(place, bounds=Bounds(9000, 9000, max_entries=1))
    with pytest.raises(QuotaExceeded), cloned(origin(str(place)), 3000, timeout_s=60):
        pass


def test_no_clone_takes_for_ever(place: Path, git: Git) -> None:
    (place / "a").write_text("1")
    commit(git)

    with pytest.raises(TimedOut), cloned(origin(str(place)), 8 << 20, timeout_s=0):
        pass


@pytest.mark.parametrize(
    "place",
    [
        "http://example.com/x",
        "git://example.com/x",
        "file:///etc",
        "ext::sh -c true",
        "https://user:password@example.com/x",
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=x@example.com:x",
        "a@example.com:-x",
        "https://example.com/a b",
        "/no/such/directory",
        "ssh://-oProxyCommand=x/y",
        "ssh://-x/y",
        "git@-x:y",
    ],
)
def test_only_https_ssh_and_directories_are_cloned(place: str) -> None:
    with pytest.raises(UsageError):
        origin(place)


@pytest.mark.parametrize(
    ("place", "protocol"),
    [
        ("https://github.com/expo/examples.git", "https"),
        ("ssh://git@github.com:22/expo/examples", "ssh"),
        ("git@github.com:expo/examples.git", "ssh"),
    ],
)
def test_what_people_paste_is_understood(place: str, protocol: str) -> None:
    assert origin(place).protocol == protocol


@pytest.mark.parametrize("ref", ["-x", "--upload-pack=x", "a b", ""])
def test_no_ref_is_an_option(ref: str, place: Path) -> None:
    with pytest.raises(UsageError):
        origin(str(place), ref)


def test_as_root_git_is_somebody_else_or_whose_the_directory_is(
    place: Path, git: Git
) -> None:
    (place / "a").write_text("1")
    commit(git)
    found = origin("https://example.com/x")

    if os.geteuid() != 0:
        assert found.uid is None
        return
    assert found.uid is not None
    assert found.uid > 65534
    # The directories of a test are for nobody else.
    with tempfile.TemporaryDirectory(prefix="keep-clone-", dir="/tmp") as top:
        Path(top).chmod(0o755)
        theirs = Path(top) / "theirs"
        shutil.copytree(place, theirs)
        subprocess.run(["chown", "-R", "65534:65534", str(theirs)], check=True)
        assert origin(str(theirs)).uid == 65534
        assert b"a" in imported(theirs)[0]
