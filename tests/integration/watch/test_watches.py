"""Which directories the kernel is asked to watch."""

import shutil
from pathlib import Path

from watching import Scene, all_below


def test_directories_that_race_with_their_watches_are_all_watched(
    scene: Scene, shop: Path
) -> None:
    for number in range(200):
        deep = shop / f"{number}" / "b" / "c"
        deep.mkdir(parents=True)
        (deep / "x").touch()
    assert scene.told() == [("changed", "expo-shop")]
    shutil.rmtree(shop / "node_modules")

    scene.until_watched(*all_below(shop))


def test_a_copied_tree_is_watched_completely(scene: Scene, shop: Path) -> None:
    for number in range(500):
        (scene.outside / "big" / f"{number // 20}" / f"{number}").mkdir(parents=True)
    shutil.copytree(scene.outside / "big", shop / "big")
    shutil.rmtree(shop / "node_modules")

    scene.until_watched(*all_below(shop))


def test_what_is_left_out_has_no_watches_however_it_comes(
    scene: Scene, shop: Path
) -> None:
    kept = all_below(shop / "src")
    (scene.outside / "made" / "react" / "lib").mkdir(parents=True)
    scene.until_watched(shop, *kept)

    (shop / "src" / "node_modules" / "a").mkdir(parents=True)
    (scene.outside / "made").rename(shop / "src" / "app" / "node_modules")
    scene.settle()

    scene.until_watched(shop, *kept)


def test_a_change_of_the_ignore_file_changes_what_is_watched(
    scene: Scene, shop: Path
) -> None:
    kept = all_below(shop / "src")
    (shop / "assets" / "big").mkdir(parents=True)
    scene.until_watched(shop, *kept, *all_below(shop / "assets"))

    (shop / ".expokeepignore").write_text("assets/\n*.tmp\n")
    scene.settle()
    scene.until_watched(shop, *kept)
    scene.told()
    (shop / "x.tmp").touch()
    (shop / "assets" / "x").touch()
    assert scene.told() == []

    (shop / ".expokeepignore").unlink()
    scene.settle()
    scene.until_watched(shop, *kept, *all_below(shop / "assets"))
    scene.told()
    (shop / "assets" / "x").touch()
    assert scene.told() == [("changed", "expo-shop")]


def test_a_lost_watch_is_placed_again_by_a_rescan(scene: Scene, shop: Path) -> None:
    tree = scene.observer._watcher._tree
    lost = next(wd for wd, node in tree._nodes.items() if node.name == b"app")
    scene.observer._reader.unwatch(lost)
    scene.settle()
    scene.until_watched(shop, shop / "src")

    scene.observer.rescan(scene.observer.directories()[0])

    assert ("changed", "expo-shop") in scene.told()
    scene.until_watched(shop, *all_below(shop / "src"))
