"""A live attacker at its own session while the daemon scans it, again and again.

How the two get into each other's way is chance; what must hold holds whatever happens:
nothing foreign is read, what is kept of a file is what it was at some time, and when
the attack is over the session is kept as it is. Swaps between two given system calls
are in `test_what_is_read.py`.
"""

import shutil
from pathlib import Path

import pytest

from daemons import until
from neighbours import ALICE, MALLORY, files_below, give

GOOD = b"the only contents that this file ever had " * 50
SAVES = 3


def keep_saving(street, sid: str, attack) -> None:
    """Have the daemon look at a session while it is attacked."""
    for _ in range(SAVES):
        assert attack.goes_on
        # It may be gone, or a link, or parked, or kept without some file: all that is
        # an answer.
        done = street.daemon.cli("save", sid)
        assert done.returncode in (0, 1, 3, 4, 5, 6, 10), done.stderr


def assert_settles(street, sid: str, expected) -> None:
    """Check that the session is kept as it is, now that nobody is at it."""

    def is_kept() -> bool:
        street.daemon.cli("save", sid, "--force")
        return expected.items() <= street.kept(sid).items()

    try:
        until(is_kept, "it is kept as it is", timeout_s=40)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{street.daemon.story}") from error


def contents_of(street, sid: str) -> set[bytes]:
    """Return the contents of all files of all versions."""
    found = set()
    for row in street.site.versions(sid):
        target = street.site.top / f"back-{sid}-{row['seq']}"
        street.daemon.ask("restore", f"{sid}@{row['seq']}", "--to", target)
        found |= {*files_below(target).values()}
    return found


def shared(top: Path, canary: Path) -> None:
    """Put a directory of root's beside the owner's own, who may rename both."""
    (top / "theirs").mkdir(mode=0o700)
    shutil.copy(canary, top / "theirs")


@pytest.mark.parametrize("how", ["swap_files", "swap_directories", "swap_roots"])
def test_whatever_is_swapped_while_it_is_scanned_nothing_foreign_is_read(
    street, hidden, how
):
    canary = hidden.file("a.js", 0o644)  # behind a directory that is closed
    hidden.top.chmod(0o700)
    files = {"victim.js": GOOD, "src/a.js": GOOD, "App.js": b"App"}
    sid, place = street.move_in(MALLORY, files, lambda top: shared(top, canary))

    with street.attack(how, place, canary) as attack:
        keep_saving(street, sid, attack)

    assert_settles(street, sid, files)
    assert contents_of(street, sid) <= {GOOD, b"App", b"noise", b""}


@pytest.mark.parametrize("how", ["resize", "lock"])
def test_whatever_is_done_to_its_files_the_session_is_kept_in_the_end(
    street, hidden, how
):
    files = {"victim.js": GOOD, "src/a.js": b"a", "App.js": b"App"}
    sid, place = street.move_in(MALLORY, files)

    with street.attack(how, place) as attack:
        keep_saving(street, sid, attack)

    assert_settles(street, sid, files)


def test_in_a_storm_of_events_the_quiet_session_is_kept_while_it_goes_on(
    street, hidden
):
    quiet, place = street.move_in(ALICE, {"App.js": b"1"})
    noisy, stormy = street.move_in(MALLORY, {"App.js": b"storm"})

    with street.attack("storm", stormy) as attack:
        for number in range(2, 5):
            (place / "App.js").write_bytes(b"%d" % number)
            street.daemon.await_versions(quiet, number, timeout_s=90)
            assert attack.goes_on
        assert street.kept(quiet) == {"App.js": b"4"}
        until(
            lambda: "too many events" in street.daemon.log,
            "the stormy one is polled, and the log says so",
            timeout_s=90,
        )
        assert attack.goes_on

    assert_settles(street, noisy, {"App.js": b"storm"})
    give(stormy, MALLORY)
