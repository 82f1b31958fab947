"""What is handed over at an event: descriptors, moves, and nothing else."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from watching import Scene, watching, watching_late


class Grabber:
    """A capture that reads what it is given, and writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.turns = threading.Event()

    def begun(self, directory, root: int) -> None:
        self.told.append(("begun", os.fstat(root).st_ino == directory.inode))

    def opened(self, directory, path: bytes, fd: int, *, closed: bool) -> None:
        with os.fdopen(fd, "rb") as file:
            self.told.append(("closed" if closed else "made", path, file.read()))

    def found(self, directory, path: bytes, fd: int) -> None:
        with os.fdopen(fd, "rb") as file:
            self.told.append(("found", path, file.read()))

    def closed(self, directory, path: bytes) -> None:
        self.told.append(("closed unseen", path))

    def linked(self, directory, path: bytes, target: bytes) -> None:
        self.told.append(("linked", path, target))

    def moved(self, directory, old: bytes, new: bytes) -> None:
        self.told.append(("moved", old, new))

    def vanished(self, directory) -> None:
        self.told.append(("vanished",))

    def missed(self, directory) -> None:
        self.told.append(("missed",))

    def ended(self, directory) -> None:
        self.told.append(("ended",))

    def turned(self) -> None:
        self.turns.set()


@pytest.fixture
def grabber() -> Grabber:
    return Grabber()


@pytest.fixture
def scene(tmp_path: Path, grabber: Grabber):
    with watching(tmp_path, capture=grabber) as scene:
        (scene.tmp / "expo-shop" / "src").mkdir(parents=True)
        (scene.tmp / "expo-shop" / "src" / "kept.js").write_text("kept")
        scene.settle()
        grabber.told.clear()
        yield scene


@pytest.fixture
def shop(scene: Scene) -> Path:
    return scene.tmp / "expo-shop"


def told(scene: Scene, grabber: Grabber) -> list[tuple[object, ...]]:
    scene.settle()
    seen, grabber.told = grabber.told, []
    return seen


def held_in(top: Path) -> list[str]:
    """Return what this process has open at and below a directory."""
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if os.path.lexists(link)]
    return [target for target in targets if target.startswith(str(top))]


def test_a_file_is_handed_over_when_it_is_made_and_when_it_is_closed(
    scene, shop, grabber
):
    with (shop / "App.js").open("w") as file:
        scene.settle()
        file.write("whole")

    assert told(scene, grabber) == [
        ("made", b"App.js", b""),
        ("closed", b"App.js", b"whole"),
    ]


def test_a_file_that_is_written_anew_is_handed_over_once_it_is_closed(
    scene, shop, grabber
):
    (shop / "src" / "kept.js").write_text("other")

    assert told(scene, grabber) == [("closed", b"src/kept.js", b"other")]


def test_what_is_renamed_is_told_with_both_names_and_then_handed_over(
    scene, shop, grabber
):
    (shop / "src" / "kept.js").rename(shop / "new.js")

    assert told(scene, grabber) == [
        ("moved", b"src/kept.js", b"new.js"),
        ("closed", b"new.js", b"kept"),
    ]


def test_a_directory_that_is_renamed_is_told_once_and_goes_on(scene, shop, grabber):
    (shop / "src").rename(shop / "lib")
    (shop / "lib" / "more.js").write_text("more")

    first, *made, last = told(scene, grabber)
    assert first == ("moved", b"src", b"lib")
    # How much was in it when it was opened first is a matter of luck.
    assert [(kind, path) for kind, path, _ in made] == [("made", b"lib/more.js")]
    assert last == ("closed", b"lib/more.js", b"more")


@pytest.mark.usefixtures("as_root")
def test_of_a_directory_that_another_user_closes_nothing_more_is_handed_over(
    tmp_path, grabber
):
    with watching(tmp_path, capture=grabber) as scene:
        made, theirs = scene.outside / "made", scene.tmp / "expo-shop" / "theirs"
        (made / "theirs" / "deep").mkdir(parents=True)
        for path, uid in (("", 1234), ("theirs", 4321), ("theirs/deep", 4321)):
            os.chown(made / path, uid, uid)
        made.rename(theirs.parent)
        scene.settle()
        grabber.told.clear()

        theirs.chmod(0o700)
        (theirs / "secret").write_text("secret")
        (theirs / "deep" / "secret").write_text("secret")
        closed = told(scene, grabber)
        theirs.chmod(0o755)
        scene.settle()
        (theirs / "shown").write_text("shown")

        assert closed == []
        assert ("closed", b"theirs/shown", b"shown") in told(scene, grabber)


def test_what_moves_in_from_outside_is_no_move_and_all_of_it_is_handed_over(
    scene, shop, grabber
):
    (scene.outside / "pack" / "deep").mkdir(parents=True)
    (scene.outside / "pack" / "a.js").write_text("a")
    (scene.outside / "pack" / "deep" / "b.js").write_text("b")
    (scene.outside / "pack").rename(shop / "pack")

    assert told(scene, grabber) == [
        ("found", b"pack/a.js", b"a"),
        ("found", b"pack/deep/b.js", b"b"),
    ]


def test_what_moves_out_is_no_move(scene, shop, grabber):
    (shop / "src" / "kept.js").rename(scene.outside / "kept.js")
    (shop / "src").rename(scene.outside / "src")

    assert told(scene, grabber) == []


def test_a_session_that_arrives_whole_is_handed_over_whole(scene, grabber):
    (scene.outside / "late" / "src").mkdir(parents=True)
    (scene.outside / "late" / "src" / "App.js").write_text("late")
    (scene.outside / "late").rename(scene.tmp / "expo-late")

    assert told(scene, grabber) == [
        ("begun", True),
        ("found", b"src/App.js", b"late"),
    ]


def test_nothing_is_handed_over_of_what_is_there_at_the_start(tmp_path, grabber):
    scene = Scene(tmp_path, capture=grabber)
    (scene.tmp / "expo-old").mkdir()
    (scene.tmp / "expo-old" / "App.js").write_text("old")
    with scene.observer:
        assert told(scene, grabber) == [("begun", True)]


def test_what_is_left_out_is_never_opened(scene, shop, grabber):
    (shop / "node_modules" / "react").mkdir(parents=True)
    (shop / "node_modules" / "react" / "index.js").write_text("x")
    (shop / "npm-debug.log").write_text("x")

    assert told(scene, grabber) == []


def test_a_link_is_told_and_not_followed(scene, shop, grabber):
    (shop / "passwd").symlink_to("/etc/passwd")
    (shop / "way").symlink_to(shop / "src")

    assert told(scene, grabber) == [
        ("linked", b"passwd", b"/etc/passwd"),
        ("linked", b"way", os.fsencode(shop / "src")),
    ]


def test_a_pipe_is_never_opened(scene, shop, grabber):
    os.mkfifo(shop / "pipe")
    scene.settle()

    # A writer that does not wait finds nobody at the other end.
    with pytest.raises(OSError, match="No such device"):
        os.open(shop / "pipe", os.O_WRONLY | os.O_NONBLOCK)
    assert told(scene, grabber) == []


def test_a_removal_is_told_file_by_file_and_then_the_end(scene, shop, grabber):
    shutil.rmtree(shop)

    assert told(scene, grabber) == [("vanished",), ("vanished",), ("ended",)]


def test_a_file_that_was_closed_and_is_gone_is_told_as_closed(tmp_path, grabber):
    with watching_late(tmp_path, capture=grabber) as scene:
        path = scene.tmp / "expo-a" / "fleeting"
        grabber.told.clear()
        path.write_text("gone")
        path.unlink()
        scene.let_go()

        seen = told(scene, grabber)

    assert ("closed unseen", b"fleeting") in seen
    assert ("vanished",) in seen


def test_a_late_event_is_never_answered_with_the_file_of_another_life(
    tmp_path, grabber
):
    with watching_late(tmp_path, capture=grabber) as scene:
        old = scene.tmp / "expo-a"
        grabber.told.clear()
        (old / "App.js").write_text("the old life")
        shutil.rmtree(old)
        old.mkdir()
        (old / "App.js").write_text("the new life")
        scene.let_go()

        seen = told(scene, grabber)

    before = seen[: seen.index(("ended",))]
    assert ("closed unseen", b"App.js") in before
    assert not [line for line in before if b"the new life" in line]


def test_a_late_event_finds_its_directory_wherever_it_was_moved(tmp_path, grabber):
    with watching_late(tmp_path, capture=grabber) as scene:
        top = scene.tmp / "expo-a"
        (top / "made").mkdir()
        (top / "made" / "a.js").write_text("a")
        (top / "made").rename(top / "there")
        grabber.told.clear()
        scene.let_go()

        seen = told(scene, grabber)

    assert ("found", b"there/a.js", b"a") in seen


def test_no_directory_is_held_open_for_long(scene, shop, grabber):
    (shop / "src" / "a.js").write_text("a")
    scene.settle()
    assert held_in(shop)

    scene.until(lambda: not held_in(shop))


def test_nothing_stays_open_of_a_session_that_is_gone(scene, shop, grabber):
    (shop / "src" / "a.js").write_text("a")
    shutil.rmtree(shop)
    scene.settle()

    assert not held_in(shop)
