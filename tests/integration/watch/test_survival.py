"""What must not stop the watch."""

import errno
import os
import shutil
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep import clock
from expokeep.model.names import SessionId
from expokeep.snapshot.allowance import Allowance, Limits
from expokeep.snapshot.capturing import Capturing
from expokeep.spool.journal import Journals
from expokeep.watch.values import SessionDirectory
from watching import (
    IMPATIENT,
    WAIT_S,
    Hanging,
    Scene,
    Touchy,
    all_below,
    inode,
    watching,
    watching_late,
)


def test_a_sink_that_raises_does_not_stop_the_reader(tmp_path: Path) -> None:
    sink = Touchy()
    with watching(tmp_path, sink=sink) as scene:
        (scene.tmp / "expo-bad").mkdir()
        (scene.tmp / "expo-good").mkdir()
        scene.settle()
        (scene.tmp / "expo-bad" / "x").touch()
        (scene.tmp / "expo-good" / "x").touch()

        sink.wait_for("changed", "expo-good")
        sink.wait_for("doubted")
        scene.settle()
        assert scene.observer.stats().errors >= 1
        assert scene.observer.stats().rebuilds == 0


def test_a_session_with_too_many_directories_is_polled(tmp_path: Path) -> None:
    with watching(tmp_path, max_watches=10) as scene:
        greedy = scene.tmp / "expo-greedy"
        for number in range(30):
            (greedy / f"{number}").mkdir(parents=True)
        modest = scene.tmp / "expo-modest"
        modest.mkdir()
        scene.settle()
        assert len(scene.watched()) == 11
        [(directory, reason)] = scene.observer.stats().degraded
        assert (directory.session, reason) == ("greedy", "EDQUOT")
        scene.sink.forget()
        scene.sink.wait_for("changed", "expo-greedy")

        for number in range(5, 30):
            (greedy / f"{number}").rmdir()

        scene.until(lambda: not scene.observer.stats().degraded)
        scene.until_watched(*all_below(greedy, modest))


def test_a_tree_that_is_too_deep_is_polled(scene: Scene) -> None:
    here = os.open(scene.tmp, os.O_RDONLY)
    os.mkdir("expo-deep", dir_fd=here)
    for name in ["expo-deep", *["d" * 200] * 150]:
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
        os.mkdir("d" * 200, dir_fd=here)
    os.close(here)

    scene.until(lambda: bool(scene.observer.stats().degraded))
    [(_, reason)] = scene.observer.stats().degraded
    assert reason == "too deep"
    assert 100 < len(scene.watched()) < 150


def test_a_reader_that_ends_is_replaced(scene: Scene, shop: Path) -> None:
    scene.observer._reader.stop()

    scene.sink.wait_for("doubted")
    scene.settle()
    assert scene.observer.stats().rebuilds == 1
    assert scene.observer.alive()
    # What was known is not told again, but nobody was watching for a while.
    scene.sink.wait_for("changed", "expo-shop")
    assert ("appeared", "expo-shop") not in scene.sink.told
    scene.until_watched(shop, *all_below(shop / "src"))


def test_a_replaced_reader_tells_what_happened_in_between(
    scene: Scene, shop: Path
) -> None:
    (scene.tmp / "expo-old").mkdir()
    scene.told()
    watcher = scene.observer._watcher
    scene.observer._reader._listener.next_job = lambda: (
        (scene.tmp / "expo-new").mkdir(exist_ok=True),
        (scene.tmp / "expo-old").rename(scene.outside / "old"),
        scene.observer._reader.stop(),
        None,
    )[-1]
    scene.observer._reader.wake()

    scene.sink.wait_for("appeared", "expo-new")
    scene.sink.wait_for("disappeared", "expo-old")
    scene.sink.wait_for("doubted")
    assert scene.observer._watcher is not watcher


def test_a_reader_that_hangs_is_replaced(tmp_path: Path) -> None:
    timings = replace(IMPATIENT, cookie_every_s=0.02, cookie_within_s=0.2)
    with watching_late(tmp_path, timings=timings) as scene:
        hung = scene.observer._reader

        scene.sink.wait_for("doubted")
        scene.let_go()

        hung.join(WAIT_S)
        assert not hung.is_alive()
        scene.settle()
        (scene.tmp / "expo-b").mkdir()
        scene.sink.wait_for("appeared", "expo-b")


def test_a_barrier_says_no_when_time_is_over(tmp_path: Path) -> None:
    with watching_late(tmp_path) as scene:
        assert not scene.observer.barrier(0.05)
        scene.let_go()
        assert scene.observer.barrier(WAIT_S)


class Slow(Hanging):
    """A sink that notes whether a barrier fell before it was told of `expo-late`."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier_fell = threading.Event()
        self.fell_too_early = False

    def changed(self, directory: SessionDirectory) -> None:
        super().changed(directory)
        if directory.session == "late":
            self.fell_too_early = self.barrier_fell.wait(0.2)


def test_a_barrier_does_not_fall_before_all_was_told(tmp_path: Path) -> None:
    sink = Slow()
    with watching(tmp_path, sink=sink) as scene:
        for name in ("first", "late"):
            (scene.tmp / f"expo-{name}").mkdir()
        scene.settle()
        (scene.tmp / "expo-first" / "x").touch()
        sink.wait_for("changed", "expo-first")
        (scene.tmp / "expo-late" / "x").touch()
        # Both are in the kernel's queue now, and will be read in one piece.
        number = scene.observer._cookies.send()
        sink.may_go_on.set()
        assert scene.observer._cookies.wait_for(number, WAIT_S)
        sink.barrier_fell.set()

        sink.wait_for("changed", "expo-late")
        scene.settle()
        assert not sink.fell_too_early


def test_where_no_cookie_can_be_written_no_reader_is_blamed(tmp_path: Path) -> None:
    with watching(tmp_path) as scene:
        shutil.rmtree(scene.private)

        assert not scene.observer.barrier(WAIT_S)
        assert scene.observer._is_healthy()


@pytest.mark.parametrize(
    ("number", "is_mended"), [(errno.ENOENT, True), (errno.EROFS, False)]
)
def test_only_what_a_restart_would_mend_is_a_reason_for_one(
    tmp_path: Path, monkeypatch, number: int, is_mended: bool
) -> None:
    def refuse() -> int:
        raise OSError(number, os.strerror(number))

    with watching(tmp_path) as scene:
        monkeypatch.setattr(scene.observer._cookies, "send", refuse)
        assert not scene.observer.barrier(WAIT_S)
        scene.observer._seen_s = float("-inf")

        assert scene.observer.alive() is not is_mended
        assert scene.observer._is_healthy()


def test_nothing_is_told_and_nothing_runs_after_the_end(tmp_path: Path) -> None:
    threads = threading.active_count()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with watching(tmp_path) as scene:
        (scene.tmp / "expo-a").mkdir()
        scene.told()
    (scene.tmp / "expo-b").mkdir()

    assert scene.sink.told == []
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_a_thousand_idle_sessions_cost_no_thread(
    tmp_path: Path, record_property
) -> None:
    threads = threading.active_count()
    scene = Scene(tmp_path)
    for number in range(1000):
        (scene.tmp / f"expo-{number}" / "src").mkdir(parents=True)
        (scene.tmp / f"expo-{number}" / "node_modules" / "x").mkdir(parents=True)
    begin_s = clock.monotonic_s()
    with scene.observer as observer:
        record_property("start_s", clock.monotonic_s() - begin_s)
        assert observer.stats().sessions == 1000
        assert observer.stats().watches == len(scene.watched()) == 2000
        assert threading.active_count() == threads + 2


def test_what_ends_while_no_reader_is_there_is_over_for_the_capture_too(
    tmp_path: Path,
) -> None:
    journals = Journals(tmp_path / "spool", fsync=False)
    limits = Limits(1000, 50, 1_000_000, 1_000_000, 60.0)
    capturing = Capturing(journals, Allowance(limits))
    with watching(tmp_path, capture=capturing) as scene:
        gone, replaced = scene.tmp / "expo-gone", scene.tmp / "expo-replaced"
        gone.mkdir()
        replaced.mkdir()
        old = scene.tmp / "expo-renamed"
        new = scene.tmp / f"{old.name}-restored-{uuid.UUID(int=1)}"
        old.mkdir()
        scene.told()

        def meanwhile() -> None:
            gone.rmdir()
            replaced.rename(scene.outside / "before")
            replaced.mkdir()
            old.rename(new)
            scene.observer._reader.stop()

        scene.observer._reader._listener.next_job = meanwhile
        scene.observer._reader.wake()
        scene.sink.wait_for("disappeared", "expo-gone")
        scene.sink.wait_for("disappeared", "expo-replaced")
        scene.sink.wait_for("disappeared", "expo-renamed")
        scene.settle()

        over = capturing.lives.has_ended
        assert over(SessionId("gone"))
        assert over(SessionId("replaced"))
        assert not over(SessionId("renamed"))
        assert len(capturing.lives.all()) == 4
    capturing.close()


def test_a_session_with_a_storm_of_events_is_polled_and_holds_up_no_other(
    tmp_path: Path,
) -> None:
    timings = replace(
        IMPATIENT, storm_s=3600.0, poll_first_s=3600.0, poll_most_s=3600.0
    )
    with watching(tmp_path, max_events=500, timings=timings) as scene:
        noisy, quiet = scene.tmp / "expo-noisy", scene.tmp / "expo-quiet"
        (noisy / "deep" / "deeper").mkdir(parents=True)
        quiet.mkdir()
        scene.settle()
        for number in range(2000):  # the first ones begin to be counted
            (noisy / "deep" / "deeper" / f"{number % 3}").write_text(f"{number}")
        scene.settle()

        assert scene.watched() == {inode(quiet)}
        [(directory, reason)] = scene.observer.stats().degraded
        assert (directory.session, reason) == ("noisy", "too many events")
        scene.told()
        for number in range(100):
            (noisy / "deep" / f"{number}").touch()
        scene.observer.rescan(directory)
        (quiet / "file").touch()
        assert scene.told() == [("changed", "expo-quiet")]

        noisy.rename(scene.tmp / "elsewhere")
        assert scene.told() == [("disappeared", "expo-noisy")]


def test_of_overflow_after_overflow_the_busiest_session_is_let_rest(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("expokeep.watch.upkeep._STORM_EVENTS", 100)
    timings = replace(
        IMPATIENT, storm_s=3600.0, poll_first_s=3600.0, poll_most_s=3600.0
    )
    with watching(tmp_path, timings=timings) as scene:
        noisy, quiet = scene.tmp / "expo-noisy", scene.tmp / "expo-quiet"
        noisy.mkdir()
        quiet.mkdir()
        watcher = scene.observer._watcher
        for _ in range(2):
            assert not scene.observer.stats().degraded
            for number in range(100):
                (noisy / f"{number}").write_text("1")
            (quiet / "file").touch()
            scene.settle()
            watcher._jobs.ask(watcher.on_overflow)
            scene.settle()

        assert scene.watched() == {inode(quiet)}
        [(directory, reason)] = scene.observer.stats().degraded
        assert (directory.session, reason) == ("noisy", "too many events")


def test_after_a_storm_a_session_is_watched_again(tmp_path: Path) -> None:
    timings = replace(IMPATIENT, storm_s=3600.0)
    with watching(tmp_path, max_events=500, timings=timings) as scene:
        noisy = scene.tmp / "expo-noisy"
        noisy.mkdir()
        for number in range(2000):
            (noisy / f"{number % 3}").write_text(f"{number}")
        scene.settle()

        scene.until(lambda: not scene.observer.stats().degraded)
        scene.until_watched(noisy)
        scene.told()
        (noisy / "late").touch()
        assert scene.told() == [("changed", "expo-noisy")]


def test_a_session_that_is_renamed_all_the_time_is_looked_at_now_and_then(
    tmp_path: Path,
) -> None:
    with watching(tmp_path) as scene:
        shop, away = scene.tmp / "expo-shop", scene.tmp / "away"
        shop.mkdir()
        scene.settle()
        for _ in range(3000):
            shop.rename(away)
            away.rename(shop)
        scene.settle()

        assert len(scene.sink.told) < 2000
        scene.until_watched(shop)
        scene.told()
        (shop / "file").touch()
        assert scene.told() == [("changed", "expo-shop")]


def test_of_names_that_come_and_go_by_the_thousand_all_that_stay_are_found(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("expokeep.watch.upkeep._MOST_LOOKS", 10)
    with watching(tmp_path) as scene:
        for number in range(100):
            (scene.tmp / f"expo-{number}").mkdir()
            (scene.tmp / f"expo-{number}").rmdir()
        (scene.tmp / "expo-stays").mkdir()

        scene.sink.wait_for("appeared", "expo-stays")
        scene.until_watched(scene.tmp / "expo-stays")


def test_of_too_many_directories_the_rest_is_looked_at_when_there_is_room(
    tmp_path: Path,
) -> None:
    timings = replace(IMPATIENT, listing_every_s=0.05)
    with watching(tmp_path, max_directories=5, timings=timings) as scene:
        for number in range(8):
            (scene.tmp / f"expo-{number}").mkdir()
        scene.settle()
        assert scene.observer.stats().sessions == 5
        for number in range(5):
            (scene.tmp / f"expo-{number}").rmdir()

        scene.until_watched(*(scene.tmp / f"expo-{number}" for number in (5, 6, 7)))
