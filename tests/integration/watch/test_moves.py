"""Directories that move, swap and vanish while their events wait."""

import contextlib
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from watching import (
    IMPATIENT,
    Scene,
    all_below,
    exchange,
    inode,
    watching,
    watching_late,
)


def test_a_rename_to_what_is_left_out_ends_the_watches(tmp_path: Path) -> None:
    # At once, and not when the patience with what moved out is over.
    with watching(tmp_path, timings=replace(IMPATIENT, park_s=3600.0)) as scene:
        shop = scene.tmp / "expo-shop"
        (shop / "lib" / "deep" / "er").mkdir(parents=True)
        (shop / "src").mkdir()
        scene.until_watched(*all_below(shop))

        (shop / "lib").rename(shop / "node_modules")
        scene.settle()
        assert scene.watched() == {shop.stat().st_ino, (shop / "src").stat().st_ino}

        (shop / "node_modules").rename(shop / "src" / "lib")
        scene.settle()
        assert scene.watched() == {path.stat().st_ino for path in all_below(shop)}


def test_a_renamed_directory_keeps_its_watch(scene: Scene, shop: Path) -> None:
    placed = scene.observer._watcher._tree.placed
    (shop / "src").rename(shop / "source")
    scene.until_watched(shop, *all_below(shop / "source"))
    scene.told()

    (shop / "source" / "app" / "index.js").write_text("two")

    assert scene.told() == [("changed", "expo-shop")]
    assert scene.observer._watcher._tree.placed == placed


def test_a_rename_may_change_what_is_left_out_below(scene: Scene, shop: Path) -> None:
    (shop / ".expokeepignore").write_text("/a/b/\n/c/d/\n")
    scene.settle()
    for path in ("a/b", "a/d", "a/e"):
        (shop / path).mkdir(parents=True)
    kept = [shop, *all_below(shop / "src")]
    scene.until_watched(*kept, shop / "a", shop / "a/d", shop / "a/e")

    (shop / "a").rename(shop / "c")

    scene.until_watched(*kept, shop / "c", shop / "c/b", shop / "c/e")


def test_a_directory_that_moves_out_is_let_go(scene: Scene, shop: Path) -> None:
    (shop / "src").rename(scene.outside / "src")
    assert scene.told() == [("changed", "expo-shop")]
    scene.until_watched(shop)

    (scene.outside / "src" / "app" / "x").touch()
    assert scene.told() == []


def test_what_moved_out_makes_no_noise_while_it_is_waited_for(tmp_path: Path) -> None:
    with watching(tmp_path, timings=replace(IMPATIENT, park_s=3600.0)) as scene:
        shop = scene.tmp / "expo-shop"
        (shop / "src" / "app").mkdir(parents=True)
        scene.told()
        (shop / "src").rename(scene.outside / "src")
        scene.told()

        (scene.outside / "src" / "app" / "x").touch()
        shutil.rmtree(scene.outside / "src" / "app")

        assert scene.told() == []


def test_a_directory_that_moves_out_and_back_is_watched(
    scene: Scene, shop: Path
) -> None:
    for _ in range(20):
        (shop / "src").rename(scene.outside / "src")
        (scene.outside / "src").rename(shop / "src")
    scene.settle()
    scene.until_watched(shop, *all_below(shop / "src"))

    (shop / "src").rename(scene.outside / "src")
    scene.until_watched(shop)
    (scene.outside / "src" / "more").mkdir()
    (scene.outside / "src").rename(shop / "src")
    scene.until_watched(shop, *all_below(shop / "src"))


def test_a_directory_that_moves_to_another_session_belongs_to_that(
    scene: Scene, shop: Path
) -> None:
    other = scene.tmp / "expo-other"
    other.mkdir()
    scene.told()
    (shop / "src").rename(other / "src")
    assert sorted(scene.told()) == [("changed", "expo-other"), ("changed", "expo-shop")]
    scene.until_watched(shop, *all_below(other))

    (other / "src" / "app" / "x").touch()
    assert scene.told() == [("changed", "expo-other")]


def test_the_sequence_that_kills_a_stock_reader_does_not_kill_ours(
    scene: Scene, shop: Path
) -> None:
    for _ in range(50):
        (shop / "src").rename(scene.outside / "out")
        (shop / "src").mkdir()
        shutil.rmtree(shop / "src")
        shutil.rmtree(scene.outside / "out")
        (shop / "src").mkdir()
    scene.settle()

    scene.until_watched(shop, shop / "src")
    assert scene.observer.stats().errors == 0


def test_a_directory_that_is_held_open_is_let_go_when_deleted(
    scene: Scene, shop: Path
) -> None:
    # The kernel keeps such a directory, and its watch, for as long as it is open.
    held = os.open(shop / "src" / "app", os.O_RDONLY)
    try:
        shutil.rmtree(shop / "src" / "app")
        scene.settle()

        assert scene.watched() == {inode(shop), inode(shop / "src")}
    finally:
        os.close(held)


def test_a_symlink_that_took_the_place_of_a_directory_is_not_followed(
    tmp_path: Path,
) -> None:
    with watching_late(tmp_path) as scene:
        (scene.outside / "private").mkdir()
        for path in (scene.tmp / "expo-a" / "src", scene.tmp / "expo-b"):
            path.mkdir()
            path.rmdir()
            path.symlink_to(scene.outside)
        scene.let_go()
        scene.settle()

        assert scene.watched() == {inode(scene.tmp / "expo-a")}
        assert scene.observer.stats().sessions == 1


def test_directories_that_are_swapped_are_both_watched(
    scene: Scene, shop: Path
) -> None:
    (shop / "a" / "in-a").mkdir(parents=True)
    (shop / "b" / "c" / "in-c").mkdir(parents=True)
    scene.told()
    for one, other in (("a", "b/c"), ("b", "a"), ("src", "a/c"), ("a/c", "b")):
        exchange(shop / one, shop / other)
        scene.settle()
    shutil.rmtree(shop / "node_modules")
    scene.until_watched(*all_below(shop))

    for directory in all_below(shop):
        (directory / "probe").touch()
        assert scene.told() == [("changed", "expo-shop")]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_after_any_churn_exactly_what_is_there_is_watched(
    tmp_path: Path, seed: int, late: bool
) -> None:
    with watching_late(tmp_path) as scene:
        if not late:
            scene.let_go()
        roots = [scene.tmp / "expo-a", scene.tmp / "expo-b", scene.outside]
        churn(random.Random(seed), roots, steps=1500)
        scene.let_go()
        scene.settle()
        kept = [
            path
            for path in all_below(*scene.tmp.glob("expo-*"))
            if "node_modules" not in path.parts
        ]

        scene.until_watched(*kept)
        assert scene.observer.stats().errors == 0
        assert scene.observer.stats().overflows == 0
        for path in random.Random(seed).sample(kept, min(20, len(kept))):
            scene.told()
            (path / "probe").touch()
            name = path.relative_to(scene.tmp).parts[0]
            assert scene.told() == [("changed", name)]


def churn(chance: random.Random, roots: list[Path], steps: int) -> None:
    """Make, move, swap and remove directories, faster than anybody can follow."""
    acts = [
        *[lambda one, _: one.mkdir(parents=True)] * 4,
        lambda one, other: one.rename(other),
        lambda one, other: one.rename(other),
        exchange,
        lambda one, _: one.rmdir(),
        lambda one, _: shutil.rmtree(one),
        lambda one, _: (one / "file").touch(),
        lambda one, other: (one / "link").symlink_to(other),
    ]
    names = ["a", "b", "c", "d", "node_modules"]

    def somewhere() -> Path:
        below = chance.choices(names, k=chance.randint(0, 4))
        return chance.choice(roots).joinpath(*below)

    for _ in range(steps):
        with contextlib.suppress(OSError):
            chance.choice(acts)(somewhere(), somewhere())
