"""Real events, real files, and the thread that copies them: nothing is missing."""

import random
import shutil
from pathlib import Path

import pytest

from expokeep.model.tree import Directory
from expokeep.service.workers import Attending
from expokeep.snapshot.allowance import Allowance, Limits
from expokeep.snapshot.capturing import Capturing
from expokeep.snapshot.replay import Fresh, replayed
from expokeep.spool.journal import Journals
from watching import WAIT_S, watching, watching_late

LIMITS = Limits(
    copy_bytes=1 << 20,
    pinned=1000,
    total_bytes=1 << 30,
    max_file_bytes=1 << 30,
    grace_s=60.0,
)


ACTS = ("write", "write", "new", "nest", "swap", "move", "move", "drop")


@pytest.fixture
def capturing(tmp_path: Path):
    capturing = Capturing(Journals(tmp_path / "spool", fsync=False), Allowance(LIMITS))
    with Attending("capture", capturing.work):
        yield capturing
    capturing.close()


@pytest.fixture
def scene(tmp_path: Path, capturing: Capturing):
    with watching(tmp_path, capture=capturing) as scene:
        yield scene


def files_in(top: Path) -> dict[bytes, bytes]:
    return {
        bytes(path.relative_to(top)): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file()
    }


def taken(scene, capturing: Capturing, sid: str) -> dict[bytes, bytes]:
    """Return what is known of a session that has ended, by path."""
    scene.settle()
    assert capturing.settle(WAIT_S)
    (life,) = capturing.lives.take_over(sid)
    leaves = replayed({}, life.reading(None))
    assert all(isinstance(leaf, Fresh | Directory) for leaf in leaves.values())
    return {
        path: leaf.stored.read()
        for path, leaf in leaves.items()
        if isinstance(leaf, Fresh)
    }


def change(dice: random.Random, top: Path, number: int) -> None:
    """Do something to a project as people and their tools do."""
    paths = sorted(top.rglob("*"))
    directories = [top, *(path for path in paths if path.is_dir())]
    place = dice.choice(directories)
    match dice.choice(
        ["write", "write", "new", "nest", "swap", "move", "move", "drop"]
    ):
        case "write" if files := [path for path in paths if path.is_file()]:
            dice.choice(files).write_text(f"{number}")
        case "nest":
            deep = place / f"n{number}" / "deep"
            deep.mkdir(parents=True)
            (deep / "a.js").write_text(f"{number}")
        case "swap" if files := [path for path in paths if path.is_file()]:
            (place / ".tmp").write_text(f"{number}")
            (place / ".tmp").rename(dice.choice(files))
        case "move" if paths:
            one = dice.choice(paths)
            if not place.is_relative_to(one):
                one.rename(place / f"m{number}")
        case "drop" if paths:
            one = dice.choice(paths)
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        case _:
            (place / f"f{number}.js").write_text(f"{number}")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_to_a_project_all_of_its_files_are_taken(
    scene, capturing, seed
):
    dice, top = random.Random(seed), scene.tmp / "expo-shop"
    top.mkdir()
    for number in range(150):
        change(dice, top, number)
    scene.settle()
    # What was lost from sight by a race of renames is found by a walk, soon after.
    (directory,) = scene.observer.directories()
    scene.observer.rescan(directory)
    scene.settle()
    there = files_in(top)
    shutil.rmtree(top)

    assert there.items() <= taken(scene, capturing, "shop").items()
    assert capturing.allowance.count().dropped == 0


@pytest.fixture
def stalled(tmp_path: Path, capturing: Capturing):
    """A session with `built`, whose events are all handled later than they happen."""
    with watching_late(tmp_path, capture=capturing) as scene:
        (scene.tmp / "expo-a" / "built").mkdir()
        scene.let_go()
        scene.settle()
        scene.observer._watcher._pinning.rest()
        scene.sink.may_go_on.clear()
        (scene.tmp / "expo-a" / "first").touch()
        scene.sink.wait_for("changed", "expo-a")
        yield scene


def assert_all_is_taken(stalled, capturing):
    stalled.let_go()
    stalled.settle()
    (directory,) = stalled.observer.directories()
    stalled.observer.rescan(directory)
    stalled.settle()
    top = stalled.tmp / "expo-a"
    there = files_in(top)
    shutil.rmtree(top)
    assert there.items() <= taken(stalled, capturing, "a").items()


def test_a_directory_that_is_renamed_before_its_files_are_looked_at_is_not_lost(
    stalled, capturing
):
    top = stalled.tmp / "expo-a"
    (top / "built" / "a.js").write_text("a")
    (top / "built").rename(top / "there")

    assert_all_is_taken(stalled, capturing)


def test_a_directory_that_goes_into_one_which_nobody_knows_yet_is_not_lost(
    stalled, capturing
):
    top = stalled.tmp / "expo-a"
    (top / "built" / "a.js").write_text("a")
    (top / "new" / "deep").mkdir(parents=True)
    (top / "built").rename(top / "new" / "deep" / "built")

    assert_all_is_taken(stalled, capturing)


def test_what_is_written_between_two_renames_of_its_directory_is_not_lost(
    stalled, capturing
):
    top = stalled.tmp / "expo-a"
    (top / "built").rename(top / "once")
    (top / "once" / "a.js").write_text("a")
    (top / "once" / "more").mkdir()
    (top / "once" / "more" / "b.js").write_text("b")
    (top / "once").rename(top / "twice")

    assert_all_is_taken(stalled, capturing)


def test_what_a_walk_finds_ahead_of_its_events_is_not_lost_with_them(
    stalled, capturing
):
    top = stalled.tmp / "expo-a"
    (top / "built" / "a.js").write_text("a")
    (directory,) = stalled.observer.directories()
    (top / "built").rename(top / "once")
    (top / "once").rename(top / "twice")
    (top / "twice" / "b.js").write_text("b")
    stalled.observer.rescan(directory)

    assert_all_is_taken(stalled, capturing)
