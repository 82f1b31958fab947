"""kill -9 between any two steps of a snapshot: nothing is lost, and nothing is torn."""

import shutil
import signal

import pytest

from daemons import appear, digests, until, write
from expokeep.crash import SNAPSHOT

BEFORE_THE_SEAL = ("after-scan", "after-begin")


@pytest.fixture(scope="module")
def objects_of(site):
    """Counts the objects of a session, as the bucket itself has them."""
    with site.asking() as s3:

        def count(sid: str) -> int:
            found = s3.list_objects_v2(Bucket=site.bucket, Prefix=f"v1/main/{sid}/")
            return found["KeyCount"]

        yield count


def is_killed(daemon) -> bool:
    return daemon.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, id="first version", marks=pytest.mark.long),
        pytest.param(2, id="later version"),
    ],
)
@pytest.mark.parametrize("point", SNAPSHOT)
def test_a_daemon_killed_anywhere_loses_no_version_and_no_change(
    daemon, site, objects_of, point, number
):
    sid, place = site.session(point)
    daemon.start(crash=f"{point}:{number}")
    appear(place, {"App.js": "1", "src/kept.js": "kept"})
    if number == 2:
        daemon.await_versions(sid, 1)
        write(place, {"App.js": "2"})
    assert is_killed(daemon)

    # What is acknowledged is there, and what is not stored is not acknowledged.
    recorded = number if point == "after-commit" else number - 1
    stored = number if point in {"after-put", "after-commit"} else number - 1
    sealed = 0 if point in BEFORE_THE_SEAL else 1
    assert len(site.versions(sid)) == recorded
    assert (objects_of(sid), daemon.spooled(sid)) == (stored, sealed)

    daemon.start()
    rows = daemon.await_versions(sid, number)
    daemon.ask("flush", "--all", "--wait")
    back = site.top / f"back-{sid}"
    daemon.ask("restore", sid, "--to", back)

    assert [row["seq"] for row in rows] == list(range(1, number + 1))
    assert [row["parent_seq"] for row in rows] == [None, 1][:number]
    assert len(site.versions(sid)) == number
    assert digests(back) == digests(place)
    assert (objects_of(sid), daemon.spooled(sid)) == (number, 0)
    assert daemon.ask("status")["state"] == "ok"


@pytest.mark.parametrize("point", ["after-seal", "after-put"])
def test_what_was_sealed_survives_the_loss_of_the_session_as_well(daemon, site, point):
    sid, place = site.session("gone")
    daemon.start(crash=f"{point}:1")
    appear(place, {"App.js": "1"})
    assert is_killed(daemon)
    shutil.rmtree(place)

    daemon.start()
    daemon.await_versions(sid, 1)
    daemon.ask("restore", sid)

    assert (place / "App.js").read_text() == "1"


def test_a_daemon_killed_again_and_again_records_everything_once(
    daemon, site, objects_of
):
    sid, place = site.session("again")
    appear(place, {"App.js": "0"})
    for number, point in enumerate(reversed(SNAPSHOT)):
        # What waits in the spool may take it to this point before it is ready.
        daemon.start(crash=f"{point}:1", ready=False)
        write(place, {"App.js": f"{number}"})
        until(lambda: daemon.process.poll() is not None, f"{point} is passed")
        daemon.wait()

    daemon.start()
    write(place, {"App.js": "the last"})
    until(
        lambda: daemon.cli("cat", sid, "App.js").stdout == "the last",
        "the last change is kept",
    )
    daemon.ask("flush", "--all", "--wait")

    rows = site.versions(sid)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["parent_seq"] for row in rows] == [None, *range(1, len(rows))]
    assert len({row["tree"] for row in rows}) == len(rows)
    assert objects_of(sid) == len(rows)
