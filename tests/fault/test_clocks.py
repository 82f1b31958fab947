"""A wall clock that is set wrong by 400 days while the daemon runs, and set right."""

import contextlib
import sys
from pathlib import Path

import pytest

import elsewhen
from consistency import Books, assert_consistent
from daemons import Daemon, appear, daemon_on, digests, until, write
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.store.s3 import S3Settings, S3Store

DAY_S = 86_400
JUMPS = {"forward": 400 * DAY_S, "back": -400 * DAY_S}
jumps = pytest.mark.parametrize(
    "jump", ["forward", pytest.param("back", marks=pytest.mark.long)]
)


class Clock:
    """The wall clock of a daemon."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_wrong_by(0)

    def set_wrong_by(self, offset_s: int, *, signatures: bool = False) -> None:
        """Let it jump; whether S3 notices is another question than all others."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset_s} {offset_s if signatures else 0}")
        fresh.replace(self._file)


@pytest.fixture
def clock(site):
    return Clock(site.top / "elsewhen")


@pytest.fixture
def bent(site, clock):
    """A daemon whose clock jumps."""
    with daemon_on(
        site,
        "bent",
        before=(sys.executable, elsewhen.__file__),
        environment={"ELSEWHEN": str(site.top / "elsewhen")},
    ) as daemon:
        yield daemon


def change(daemon: Daemon, place: Path, sid: str, text: str) -> None:
    """Change a file, and wait until that is the newest version."""
    write(place, {"App.js": text, f"src/{text}.js": text})
    until(lambda: daemon.cli("cat", sid, "App.js").stdout == text, f"{text} is kept")


@jumps
def test_versions_stay_in_order_when_the_clock_jumps(site, bent, clock, jump):
    sid, place = site.session(jump)
    bent.start()
    appear(place, {"App.js": "0"})
    bent.await_versions(sid, 1)

    change(bent, place, sid, "before")
    clock.set_wrong_by(JUMPS[jump])
    change(bent, place, sid, "wrong")
    (place / "src" / "before.js").unlink()
    bent.ask("save", sid)
    bent.kill()  # the next process has seen no other time than this one
    bent.start()
    change(bent, place, sid, "wrong-as-well")
    clock.set_wrong_by(0)
    change(bent, place, sid, "right")
    bent.restart()
    change(bent, place, sid, "right-again")

    rows = site.versions(sid)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["parent_seq"] for row in rows] == [None, *range(1, len(rows))]
    assert {row["parked"] for row in rows} == {None}
    back = site.top / f"back-{jump}"
    bent.ask("restore", sid, "--to", back)
    assert digests(back) == digests(place)
    assert_books(site)


def assert_books(site) -> None:
    keys = (site.seaweed.access_key_id, site.seaweed.secret_access_key)
    settings = S3Settings(site.seaweed.endpoint_url, site.bucket, *keys)
    catalog = PostgresCatalog(Database(site.database_url))
    with (
        contextlib.closing(S3Store(settings)) as store,
        contextlib.closing(catalog),
    ):
        assert_consistent(Books(catalog, site.database_url, store))


@jumps
def test_what_a_bucket_refuses_for_the_time_waits_for_the_right_one(
    site, bent, clock, jump
):
    sid, place = site.session(f"refused-{jump}")
    bent.start()
    appear(place, {"App.js": "0"})
    bent.await_versions(sid, 1)

    clock.set_wrong_by(JUMPS[jump], signatures=True)
    write(place, {"App.js": "1"})
    bent.await_spooled(sid, 1)
    until(lambda: bent.ask("status")["store_error"], "status says what is wrong")
    assert "clock" in bent.cli("save", sid).stderr
    clock.set_wrong_by(0)

    bent.await_versions(sid, 2)
    until(lambda: bent.ask("status")["state"] == "ok", "all is well again")
    assert_books(site)
