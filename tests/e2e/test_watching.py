"""Which sessions there are, what is watched of them, and when a version is made."""

import os
import re
import threading
import time
from pathlib import Path

from daemons import appear, until, write

QUIET_S = 1.0
MAX_WAIT_S = 3.0
SETTINGS = """\
debounce: {quiet: 1s, max-wait: 3s, deletion-grace: 1s}
"""
# A burst is one burst only if this machine never pauses for as long as `quiet`.


def listed(daemon) -> set[str]:
    return {one["session"] for one in daemon.ask("sessions")["sessions"]}


def watched_inodes(pid: int) -> set[int]:
    """Return the inodes of all that a process watches, as the kernel lists them."""
    found: set[int] = set()
    for descriptor in Path(f"/proc/{pid}/fdinfo").iterdir():
        text = descriptor.read_text(encoding="ascii")
        found |= {
            int(inode, 16)
            for inode in re.findall(r"^inotify .*ino:([0-9a-f]+)", text, re.MULTILINE)
        }
    return found


def inodes_at_and_below(top: Path) -> set[int]:
    return {os.stat(where).st_ino for where, _, _ in os.walk(top)}


def test_a_directory_is_listed_whether_made_before_or_after_the_start(daemon, site):
    before, place = site.session("before")
    daemon.stop()
    write(place, {"App.js": "1"})
    daemon.start()
    after, place = site.session("after")
    write(place, {"App.js": "1"})

    until(lambda: {before, after} <= listed(daemon), "both are listed")


def test_a_burst_of_writes_is_one_version(daemon, site):
    sid, place = site.session()
    pace = threading.Event()
    place.mkdir()

    for number in range(50):
        (place / "App.js").write_text(f"{number}")
        pace.wait(1.0 / 50)
    daemon.await_versions(sid, 1)
    daemon.ask("flush", sid, "--wait")

    assert len(site.versions(sid)) == 1
    assert daemon.cli("cat", sid, "App.js").stdout == "49"


def test_a_file_that_is_written_all_the_time_is_kept_by_max_wait(daemon, site):
    sid, place = site.session()
    pace, began_s, began_at = threading.Event(), time.monotonic(), time.time()
    place.mkdir()

    number = 0
    while not (versions := site.versions(sid)):
        assert time.monotonic() - began_s < 10 * MAX_WAIT_S
        number += 1
        (place / "App.js").write_text(f"{number}")
        pace.wait(QUIET_S / 5)

    assert versions[0]["taken_at"].timestamp() - began_at < MAX_WAIT_S + QUIET_S


def test_nothing_below_an_excluded_directory_is_watched_or_kept(daemon, site):
    sid, place = site.session()
    left_out = [place / "node_modules", place / ".expo", place / ".git"]
    write(
        place,
        {
            "App.js": "1",
            "src/screens/Home.js": "2",
            "node_modules/react/lib/index.js": "3",
            "packages/ui/node_modules/left-pad/index.js": "4",
            ".expo/web/cache.json": "5",
            ".git/objects/aa/bb": "6",
        },
    )
    daemon.await_versions(sid, 1)
    (place / "node_modules" / "later" / "deep").mkdir(parents=True)
    write(place, {"src/screens/Late.js": "7"})
    daemon.ask("save", sid)

    seen = watched_inodes(daemon.pid)

    assert inodes_at_and_below(place / "src") <= seen
    for top in (*left_out, place / "packages" / "ui" / "node_modules"):
        assert not seen & inodes_at_and_below(top)
    kept = {one["path"] for one in daemon.ask("ls", sid)["entries"]}
    assert kept == {
        *("App.js", "packages", "packages/ui", "src", "src/screens"),
        *("src/screens/Home.js", "src/screens/Late.js"),
    }


def test_a_directory_with_a_name_that_is_none_is_reported_and_left_alone(daemon, site):
    sid, place = site.session()
    (site.watch / "expo-..").mkdir()
    (site.watch / "expo-bad name").mkdir()
    appear(place, {"App.js": "1"})
    daemon.await_versions(sid, 1)

    status = daemon.ask("status")

    invalid = {Path(name).name for name in status["watch"]["invalid_names"]}
    assert invalid == {"expo-..", "expo-bad name"}
    assert not [one for one in status["sessions"] if " " in one["directory"]]
