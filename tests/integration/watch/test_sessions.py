"""Which sessions there are, on real inotify."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep.watch.values import SessionDirectory
from watching import IMPATIENT, Scene, all_below, exchange, watching

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def test_what_was_there_before_the_start_is_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    (scene.tmp / "expo-a" / "src").mkdir(parents=True)
    (scene.tmp / f"expo-a-restored-{UUID}").mkdir()
    (scene.tmp / "unrelated").mkdir()

    with scene.observer as observer:
        assert sorted(scene.told()) == [
            ("appeared", "expo-a"),
            ("appeared", f"expo-a-restored-{UUID}"),
        ]
        assert {directory.session for directory in observer.directories()} == {"a"}
        assert scene.watched() == {
            path.stat().st_ino for path in all_below(*scene.tmp.glob("expo-*"))
        }


def test_a_session_is_created_and_deleted(scene: Scene) -> None:
    (scene.tmp / "expo-a").mkdir()
    assert scene.told() == [("appeared", "expo-a")]

    (scene.tmp / "expo-a").rmdir()
    assert scene.told() == [("disappeared", "expo-a")]
    assert scene.watched() == set()


def test_a_session_says_whose_it_is_and_which_life(scene: Scene) -> None:
    (scene.tmp / "expo-a").mkdir()
    scene.settle()
    status = (scene.tmp / "expo-a").stat()

    assert scene.observer.directories() == [
        SessionDirectory(
            session="a",
            path=os.fsencode(scene.tmp / "expo-a"),
            device=status.st_dev,
            inode=status.st_ino,
            uid=status.st_uid,
        )
    ]


def test_a_session_that_arrives_by_rename_is_watched(scene: Scene) -> None:
    (scene.outside / "made" / "src").mkdir(parents=True)
    (scene.outside / "made").rename(scene.tmp / "expo-a")
    assert scene.told() == [("appeared", "expo-a")]

    (scene.tmp / "expo-a" / "src" / "x").touch()
    assert scene.told() == [("changed", "expo-a")]


def test_a_session_that_is_renamed_away_is_gone(scene: Scene, shop: Path) -> None:
    shop.rename(scene.outside / "kept")
    assert scene.told() == [("disappeared", "expo-shop")]
    assert scene.watched() == set()

    (scene.outside / "kept" / "src" / "x").touch()
    assert scene.told() == []


def test_a_session_that_gets_another_name_is_another_one(
    scene: Scene, shop: Path
) -> None:
    shop.rename(scene.tmp / "expo-other")

    assert scene.told() == [("disappeared", "expo-shop"), ("appeared", "expo-other")]
    (scene.tmp / "expo-other" / "src" / "app" / "x").touch()
    assert scene.told() == [("changed", "expo-other")]


def test_a_root_that_is_deleted_and_recreated_has_two_lives(
    scene: Scene, shop: Path
) -> None:
    for _ in range(50):
        shutil.rmtree(shop)
        (shop / "src").mkdir(parents=True)
    told = [line for line in scene.told() if line[0] != "changed"]

    # Lives too short to be seen may be missing, but they alternate, and the last stays.
    assert told[:2] == [("disappeared", "expo-shop"), ("appeared", "expo-shop")]
    assert told[::2] == [("disappeared", "expo-shop")] * (len(told) // 2)
    assert told[1::2] == [("appeared", "expo-shop")] * (len(told) // 2)
    scene.until_watched(*all_below(shop))


def test_two_sessions_that_are_swapped_are_two_new_lives(
    scene: Scene, shop: Path
) -> None:
    staging = scene.tmp / ".staging"
    (staging / "src" / "new").mkdir(parents=True)
    exchange(staging, shop)

    assert scene.told() == [("disappeared", "expo-shop"), ("appeared", "expo-shop")]
    scene.until_watched(*all_below(shop / "src"), shop)


def test_a_symlink_is_no_session(scene: Scene, shop: Path) -> None:
    (scene.tmp / "expo-link").symlink_to(shop)
    (scene.tmp / "expo-file").touch()
    assert scene.told() == []

    shop.rename(scene.outside / "kept")
    shop.symlink_to(scene.outside / "kept")
    assert scene.told() == [("disappeared", "expo-shop")]
    assert scene.watched() == set()


def test_names_that_are_no_ids_are_reported_once_and_left_alone(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [b"expo-..", b"expo-a\nb", b"expo-\xff", b"expo-" + b"x" * 250, b"expo-"]
    for name in bad:
        (scene.tmp / os.fsdecode(name) / "src").mkdir(parents=True)
        (scene.tmp / os.fsdecode(name)).chmod(0o700)
    scene.observer._watcher._upkeep.list_all()

    assert scene.told() == []
    paths = [os.fsencode(scene.tmp) + b"/" + name for name in bad]
    assert sorted(scene.observer.stats().invalid_names) == sorted(paths)
    assert scene.watched() == set()


def test_a_session_that_no_event_told_of_is_found_by_the_listing(
    tmp_path: Path,
) -> None:
    with watching(tmp_path, timings=replace(IMPATIENT, listing_every_s=0.01)) as scene:
        wd = next(iter(scene.observer._watcher._roster._root_by_wd))
        scene.observer._reader.unwatch(wd)
        scene.settle()
        (scene.tmp / "expo-a").mkdir()

        scene.sink.wait_for("appeared", "expo-a")


def test_a_watch_root_that_is_replaced_is_found_again(tmp_path: Path) -> None:
    with watching(tmp_path, timings=replace(IMPATIENT, listing_every_s=0.01)) as scene:
        (scene.tmp / "expo-a").mkdir()
        scene.sink.wait_for("appeared", "expo-a")
        scene.tmp.rename(scene.outside / "tmp")
        scene.sink.wait_for("disappeared", "expo-a")
        assert scene.observer.stats().unwatched_roots == (os.fsencode(scene.tmp),)
        (scene.tmp / "expo-b").mkdir(parents=True)
        scene.sink.wait_for("appeared", "expo-b")

        (scene.tmp / "expo-b" / "src").mkdir()
        scene.until_watched(*all_below(scene.tmp / "expo-b"))
