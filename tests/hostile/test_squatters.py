"""Who makes the directory of somebody else's session, or one that is no good."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from daemons import QUICK, as_nobody, daemon_on, until
from neighbours import ALICE, MALLORY, Street, as_caller, as_user, give

HERS = {"App.js": b"hers", "src/a.js": b"a"}


def squat(street, place: Path, files) -> None:
    """Make a directory as Mallory does, with nothing but his own rights."""
    script = 'mkdir -p "$0"; cd "$0"; for name; do echo mallory > "$name"; done'
    subprocess.run(
        [*as_user(MALLORY), "sh", "-c", script, os.fspath(place), *files], check=True
    )


def test_who_makes_the_directory_of_a_known_session_gains_nothing(street, hidden):
    sid, place = street.move_in(ALICE, HERS)
    shutil.rmtree(place)
    street.daemon.await_end(sid)
    before = street.site.versions(sid)

    squat(street, place, ["App.js", "evil.js"])

    until(lambda: f"of {sid} is of uid {MALLORY}" in street.daemon.log, "it is told")
    street.daemon.ask("flush", "--all", "--wait")
    assert street.site.versions(sid) == before
    assert street.kept(sid) == HERS
    (told,) = street.daemon.ask("status", sid)["sessions"]
    assert f"of uid {MALLORY}" in told["last_error"]
    assert told["unsaved_since"] is None
    for words in (["cat", sid, "App.js"], ["save", sid], ["restore", sid]):
        done = street.daemon.cli(*words, before=as_caller(MALLORY))
        assert done.returncode == 10, done.stderr
        assert b"hers" not in done.stdout.encode()
    # It goes, and the session goes on as hers.
    shutil.rmtree(place)
    street.daemon.await_end(sid)
    street.daemon.ask("restore", sid)
    assert place.stat().st_uid == ALICE
    (place / "new.js").write_bytes(b"new")
    until(lambda: street.kept(sid).get("new.js") == b"new", "hers is kept again")


def test_who_comes_first_has_the_session_and_the_next_one_does_not(street, hidden):
    sid, place = street.site.session("early")
    squat(street, place, ["App.js"])
    street.daemon.await_versions(sid, 1)
    shutil.rmtree(place)
    street.daemon.await_end(sid)

    _, made = street.make(ALICE, HERS)
    made.rename(place)

    until(lambda: f"of {sid} is of uid {ALICE}" in street.daemon.log, "it is told")
    street.daemon.ask("flush", "--all", "--wait")
    mine = street.daemon.cli("cat", sid, "App.js", before=as_caller(MALLORY))
    assert mine.stdout == "mallory\n"
    for who in (MALLORY, ALICE):
        done = street.daemon.cli("cat", sid, "src/a.js", before=as_caller(who))
        assert done.returncode == 10, done.stderr
    assert street.kept(sid) == {"App.js": b"mallory\n"}


def sticky(place: Path) -> None:
    place.chmod(0o7777)


def locked(place: Path) -> None:
    place.chmod(0)


def attributes(place: Path) -> None:
    os.setxattr(place / "App.js", "user.hostile", b"\x1b[2J" * 100)
    os.setxattr(place / "App.js", "security.capability", CAPABILITY)
    os.setxattr(place, "user.hostile", b"\x1b[2J" * 100)


CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
"""cap_net_raw of a file, which root alone can give and no restore should."""


@pytest.mark.parametrize("act", [sticky, locked, attributes])
def test_a_root_may_have_any_mode_and_what_is_in_it_is_kept(street, hidden, act):
    sid, place = street.make(MALLORY, HERS, act)
    street.daemon.await_versions(sid, 1)

    back = street.back(sid)

    assert street.kept(sid) == HERS
    assert back.stat().st_mode & 0o7000 == 0
    assert [os.listxattr(one) for one in (back, back / "App.js")] == [[], []]
    place.chmod(0o755)


def test_what_can_not_be_changed_is_kept_and_not_in_the_way(street, hidden):
    sid, place = street.move_in(MALLORY, HERS)
    subprocess.run(["chattr", "+i", place / "App.js", place / "src"], check=True)
    try:
        assert street.save(sid) == {}
        assert street.kept(sid) == HERS
    finally:
        subprocess.run(["chattr", "-i", place / "App.js", place / "src"], check=True)


def test_a_link_and_a_pipe_in_the_place_of_a_session_are_none(street, hidden):
    vault = hidden.vault()
    link, real = street.site.session("link")
    real.symlink_to(vault)
    pipe, place = street.site.session("pipe")
    os.mkfifo(place)
    street.assert_serves()

    listed = {one["session"] for one in street.daemon.ask("sessions")["sessions"]}

    assert not {link, pipe} & listed
    assert street.daemon.cli("save", link).returncode != 0
    assert street.daemon.cli("save", pipe).returncode != 0
    real.unlink()
    place.unlink()


def test_a_root_of_anothers_is_no_way_to_what_is_in_it(street, hidden):
    # Made by root in a directory of Mallory's, who moves all of it to a session.
    sid, place = street.site.session("moved")
    making = street.site.top / f"making-{sid}"
    making.mkdir()
    (making / "App.js").write_bytes(b"App")
    give(making, MALLORY)
    shutil.move(hidden.vault(), making / "theirs")
    hidden.file("own").rename(making / "secret.js")

    making.rename(place)
    street.daemon.await_versions(sid, 1)

    assert set(street.save(sid)) == {"theirs", "secret.js"}
    assert street.kept(sid) == {"App.js": b"App"}


def test_a_session_is_renamed_away_and_back_while_nobody_is_at_it(street, hidden):
    sid, place = street.move_in(MALLORY, HERS)
    for number in range(20):
        place.rename(street.site.top / f"away-{sid}")
        (street.site.top / f"away-{sid}" / f"{number}.js").write_bytes(b"x")
        (street.site.top / f"away-{sid}").rename(place)

    expected = {**HERS, **{f"{number}.js": b"x" for number in range(20)}}
    until(lambda: street.kept(sid) == expected, "all of it is kept", timeout_s=60)


@pytest.fixture
def crowded(as_root, prepare_site):
    """A daemon that takes few sessions of one user."""
    settings = QUICK + "max-sessions-per-uid: 3\n"
    with (
        prepare_site() as site,
        daemon_on(site, settings=settings, before=as_nobody()) as daemon,
    ):
        daemon.start()
        yield Street(site, daemon)
        assert daemon.stop() == 0, daemon.story


def test_who_makes_many_sessions_leaves_places_for_others(crowded):
    squatted = [crowded.make(MALLORY, {"App.js": b"x"}) for _ in range(10)]
    until(lambda: len(crowded.daemon.ask("status")["sessions"]) == 3, "three are kept")

    crowded.assert_serves()

    assert f"why='max-sessions-per-uid is reached' uid={MALLORY}" in crowded.daemon.log
    # A reload lets more in.
    crowded.daemon.configure(QUICK + "max-sessions-per-uid: 30\n")
    crowded.daemon.process.send_signal(signal.SIGHUP)
    for sid, _ in squatted:
        crowded.daemon.await_versions(sid, 1)
