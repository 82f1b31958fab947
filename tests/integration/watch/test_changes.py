"""What counts as a change, on real inotify."""

import os
import shutil
from pathlib import Path

import pytest

from watching import Scene, watching_late


@pytest.mark.parametrize(
    "act",
    [
        lambda shop: (shop / "new").touch(),
        lambda shop: (shop / "src/app/index.js").write_text("two"),
        lambda shop: os.truncate(shop / "src/app/index.js", 1),
        lambda shop: (shop / "src/app/index.js").chmod(0o755),
        lambda shop: (shop / "src/app/index.js").unlink(),
        lambda shop: (shop / "src/app/index.js").rename(shop / "src/moved.js"),
        lambda shop: (shop / "src/app/index.js").rename(shop.parent / "moved.js"),
        lambda shop: (shop / "link").symlink_to("src"),
        lambda shop: (shop / "empty").mkdir(),
        lambda shop: (shop / "src/app").rename(shop / "app"),
        lambda shop: shutil.rmtree(shop / "src"),
        lambda shop: (shop / "src").chmod(0o700),
        lambda shop: (shop / os.fsdecode(b"\xff\n" + b"x" * 253)).touch(),
    ],
)
def test_a_change_is_told(scene: Scene, shop: Path, act) -> None:
    act(shop)

    assert scene.told() == [("changed", "expo-shop")]


def test_a_file_that_stays_open_is_a_change(scene: Scene, shop: Path) -> None:
    with (shop / "notes.txt").open("w") as notes:
        scene.told()
        notes.write("more")
        notes.flush()

        assert scene.told() == [("changed", "expo-shop")]


def test_a_burst_that_is_read_at_once_is_told_at_once(tmp_path: Path) -> None:
    with watching_late(tmp_path) as scene:
        for number in range(5000):
            (scene.tmp / "expo-a" / f"{number}").touch()
        scene.let_go()
        scene.settle()

        assert set(scene.sink.told) == {("changed", "expo-a")}
        assert len(scene.sink.told) < 20
        assert scene.observer.stats().overflows == 0


def test_reading_is_no_change(scene: Scene, shop: Path) -> None:
    for where, _, names in os.walk(shop):
        for name in names:
            (Path(where) / name).read_bytes()
            (Path(where) / name).stat()
    scene.observer.rescan(scene.observer.directories()[0])

    assert scene.told() == []


def test_a_change_of_what_is_left_out_is_none(scene: Scene, shop: Path) -> None:
    (shop / "npm-debug.log").write_text("noise")
    (shop / "src" / "app" / ".DS_Store").touch()
    (shop / "src" / "node_modules").mkdir()
    (shop / "node_modules" / "vue").mkdir()
    shutil.rmtree(shop / "node_modules")

    assert scene.told() == []
