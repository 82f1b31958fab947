"""`patch` and `git apply` turn old files into new ones with what we print."""

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expokeep.history.changes import changes
from expokeep.history.comparing import compared
from expokeep.model.digest import digest_of
from expokeep.model.tree import File, Link

LINES = st.sampled_from(
    [
        "",
        "a",
        "b",
        "const x = 1;",
        "-- a",
        "+++ b",
        "@@ -1 +1 @@",
        "\\",
        "ü\r",
        "\x0c",
        " ",
    ]
)
TEXTS = st.builds(
    lambda lines, end: ("\n".join(lines) + end).encode(),
    st.lists(LINES, max_size=30),
    st.sampled_from(["", "\n"]),
)
NAMES = st.sampled_from(
    [b"App.js", b"my app.js", b"-rf", b'q"uote', "ü".encode(), b"\xff", b"tab\there"]
)
MODES = st.sampled_from([0o644, 0o755])

PATCH = ("patch", "-p1", "--batch", "--no-backup-if-mismatch")
GIT_APPLY = ("git", "apply")


@st.composite
def edited(draw, text: bytes) -> bytes:
    """The same text after an edit or two: patches are mostly about those."""
    lines = text.split(b"\n")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines)))
        to = draw(st.integers(at, min(len(lines), at + 2)))
        lines[at:to] = [line.encode() for line in draw(st.lists(LINES, max_size=2))]
    return b"\n".join(lines)


@st.composite
def projects(draw):
    """A project before and after, as name to (contents, mode)."""
    before = draw(st.dictionaries(NAMES, st.tuples(TEXTS, MODES), max_size=4))
    after = {}
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        contents, mode = before.get(name, (draw(TEXTS), draw(MODES)))
        after[name] = draw(edited(contents)), draw(st.sampled_from([mode, 0o755]))
    return before, after


def written(top: Path, project) -> None:
    for name, (contents, mode) in project.items():
        path = bytes(top) + b"/" + name
        with open(path, "wb", opener=None) as file:
            file.write(contents)
        Path(path.decode(errors="surrogateescape")).chmod(mode)


def read(top: Path):
    return {
        bytes(path.relative_to(top)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in top.iterdir()
    }


def patch_between(before, after) -> bytes:
    kept = {digest_of(text): text for text, _ in [*before.values(), *after.values()]}
    trees = [
        {
            name: File(digest_of(text), len(text), mode)
            for name, (text, mode) in project.items()
        }
        for project in (before, after)
    ]
    told = compared(changes(*trees), "patch", lambda digests: kept)
    return "".join(change.patch or "" for change in told).encode()


def applied(top: Path, text: bytes, program) -> None:
    run = subprocess.run(
        program,
        input=text,
        cwd=top,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, (run.stdout, text)


@settings(max_examples=60, deadline=None)
@given(pair=projects(), program=st.sampled_from([PATCH, GIT_APPLY]))
def test_a_patch_makes_the_new_project_of_the_old_one(pair, program):
    before, after = pair
    text = patch_between(before, after)

    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory)
        written(top, before)
        if text:
            applied(top, text, program)

        assert read(top) == after


@pytest.mark.parametrize("program", [PATCH, GIT_APPLY])
def test_a_patch_makes_links_too(tmp_path, program):
    old = {b"a": Link(b"one")}
    new = {b"a": Link(b"two"), b"b": Link(b"three")}
    told = compared(changes(old, new), "patch", lambda digests: {})
    (tmp_path / "a").symlink_to("one")

    applied(tmp_path, "".join(change.patch for change in told).encode(), program)

    assert (tmp_path / "a").readlink() == Path("two")
    assert (tmp_path / "b").readlink() == Path("three")


@pytest.mark.parametrize("program", [PATCH, GIT_APPLY])
def test_what_a_patch_cannot_carry_does_not_spoil_the_rest(tmp_path, program):
    before = {b"a": (b"one\n", 0o644), b"i": (b"\0", 0o644), b"m": (b"x", 0o644)}
    after = {b"a": (b"two\n", 0o644), b"i": (b"\xff", 0o644), b"m": (b"x", 0o600)}
    written(tmp_path, before)

    applied(tmp_path, patch_between(before, after), program)

    assert read(tmp_path) == {**before, b"a": after[b"a"]}
