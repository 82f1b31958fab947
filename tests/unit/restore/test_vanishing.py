"""A directory that is being removed is waited for, and no other."""

import os
import shutil
import threading
import time

import pytest

from expokeep.restore import vanishing
from expokeep.restore.vanishing import wait_for_end


@pytest.fixture
def target(tmp_path):
    place = tmp_path / "expo-shop"
    for directory in ("src", "node_modules/a/b", "node_modules/c"):
        (place / directory).mkdir(parents=True)
        for number in range(5):
            (place / directory / f"{number}.js").write_text("")
    return place


class Script:
    """Does one step each time that somebody waits, and counts."""

    def __init__(self, *steps) -> None:
        self.steps = list(steps)
        self.count = 0

    def __call__(self, _pause_s: float) -> None:
        self.count += 1
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Time passes by being looked at: no test waits for a clock."""
    now = iter(range(10**6))
    monkeypatch.setattr(vanishing.clock, "monotonic_s", lambda: next(now) * 0.05)


def removal_of(target, *names):
    return [lambda name=name: remove(target / name) for name in names]


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_removal_is_waited_for_to_its_end(target):
    steps = removal_of(target, "src", "node_modules/a/b", "node_modules")
    script = Script(*steps, target.rmdir, lambda: pytest.fail("it was over"))

    wait_for_end(target, script)

    assert not target.exists()


def test_one_that_pauses_is_waited_for(target):
    def nothing():
        pass

    pauses = [nothing] * 10
    steps = removal_of(target, "src", "node_modules")
    script = Script(steps[0], *pauses, steps[1], *pauses, target.rmdir)

    wait_for_end(target, script)

    assert not target.exists()


def test_one_that_stops_half_way_is_given_up(target):
    script = Script(*removal_of(target, "src"))

    wait_for_end(target, script)

    assert script.count * 0.05 < 3 * vanishing.CALM_S
    assert (target / "node_modules").exists()


def test_a_directory_that_only_has_what_goes_last_is_given_more_time(target):
    shutil.rmtree(target / "src")
    late = [lambda: None] * 8
    script = Script(*late, *removal_of(target, "node_modules"), target.rmdir)

    wait_for_end(target, script)

    assert not target.exists()


def test_a_directory_that_grows_is_in_use(target):
    def install():
        (target / "node_modules/new").mkdir()
        (target / "src/0.js").unlink()

    script = Script(install, lambda: pytest.fail("it is in use"))

    wait_for_end(target, script)

    assert script.count == 1


def test_one_that_was_removed_and_made_anew_is_in_use(target):
    def anew():
        target.rename(target.with_name("old"))
        target.mkdir()

    script = Script(*removal_of(target, "src"), anew, lambda: pytest.fail("too late"))

    wait_for_end(target, script)

    assert target.exists()


def test_a_directory_in_which_nothing_happened_lately_costs_nothing(
    target, monkeypatch
):
    later_ns = time.time_ns() + 2 * vanishing.YOUNG_NS
    monkeypatch.setattr(vanishing.clock, "now_ns", lambda: later_ns)

    wait_for_end(target, lambda _: pytest.fail("there is nothing to wait for"))


def test_what_is_not_there_costs_nothing(tmp_path):
    wait_for_end(tmp_path / "none", lambda _: pytest.fail("nothing is there"))


def test_a_real_removal_is_waited_for(target, monkeypatch):
    monkeypatch.undo()
    gone = threading.Thread(target=slowly_removed, args=(target,))
    gone.start()

    wait_for_end(target)

    assert not target.exists()
    gone.join()


def slowly_removed(target):
    pace = threading.Event()
    for directory, _, files in os.walk(target, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
            pace.wait(0.03)
        os.rmdir(directory)
