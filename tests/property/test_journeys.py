"""Whatever a project goes through, each of its versions comes back as it was."""

import itertools
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expokeep.model.names import SessionId
from expokeep.store.memory import MemoryStore
from journeys import Keeper, keeper, seen_in

NAMES = st.sampled_from(
    [
        b"a",
        b"b",
        b"c.js",
        b"\xff\xfe",
        "ü 漢".encode(),
        b"-rf *",
        b"\n\x1b[2J",
        b"\\x41",
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
CONTENTS = st.one_of(
    st.binary(max_size=64),
    st.sampled_from([b"", b"same contents", os.urandom(200_000), bytes(9_000_000)]),
)
MODES = st.sampled_from([0o644, 0o600, 0o755, 0o400, 0o000])

WRITE = st.tuples(st.just("write"), PATHS, CONTENTS, MODES)
LINK = st.tuples(st.just("link"), PATHS, PATHS)
MAKE = st.tuples(st.just("mkdir"), PATHS, MODES)
REMOVE = st.tuples(st.just("remove"), PATHS)
RENAME = st.tuples(st.just("rename"), PATHS, PATHS)
STEPS = st.lists(
    st.one_of(WRITE, LINK, MAKE, REMOVE, RENAME, RENAME), min_size=1, max_size=5
)

numbers = itertools.count()


def clear(path: bytes) -> None:
    """Make way for something at `path`, whatever is there or above it."""
    parent = os.path.dirname(path)
    if not os.path.isdir(parent) or os.path.islink(parent):
        clear(parent)
        os.makedirs(parent)
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def act(top: bytes, step: tuple) -> None:
    """Do to a project what a person might."""
    kind, path, *more = step
    path = os.path.join(top, path)
    if kind == "write":
        clear(path)
        Path(os.fsdecode(path)).write_bytes(more[0])
        os.chmod(path, more[1])
    elif kind == "link":
        clear(path)
        os.symlink(more[0], path)
    elif kind == "mkdir":
        clear(path)
        os.mkdir(path)
        os.chmod(path, more[0])
    elif os.path.lexists(path) and kind == "remove":
        clear(path)
    elif os.path.lexists(path):
        other = os.path.join(top, more[0])
        if not (other + b"/").startswith(path + b"/") and not (path + b"/").startswith(
            other + b"/"
        ):
            clear(other)
            if os.path.lexists(path):
                os.rename(path, other)


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        yield here


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(STEPS, min_size=1, max_size=4), restarts=st.booleans())
def test_every_version_comes_back_as_it_was(host: Keeper, history, restarts):
    session = SessionId(f"s{next(numbers)}")
    home = host.home(session)
    home.mkdir()
    kept = {}

    for steps in history:
        for step in steps:
            act(bytes(home), step)
        before = seen_in(home, times=False)
        version = host.save(session)
        if version is not None:
            kept[version.seq] = before
        if restarts:
            host.restart()

    for seq, tree in kept.items():
        target = host.top / f"{session}-{seq}"
        host.restore(f"{session}@{seq}", target)
        assert seen_in(target, times=False) == tree
    if kept:
        assert seen_in(home, times=False) == kept[max(kept)]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=STEPS, second=STEPS)
def test_a_swap_over_what_is_there_gives_the_version_and_keeps_the_old(
    host: Keeper, first, second
):
    session = SessionId(f"s{next(numbers)}")
    home = host.home(session)
    home.mkdir()
    (home / "always").write_text("here")
    for step in first:
        act(bytes(home), step)
    kept = seen_in(home, times=False)
    host.save(session)
    for step in second:
        act(bytes(home), step)
    now = seen_in(home, times=False)

    result = host.restore(f"{session}@1", existing="swap")

    assert seen_in(home, times=False) == kept
    assert seen_in(result.replaced, times=False) == now
