"""A restore on the host that holds the work, while Postgres and the bucket are gone."""

import json
import shutil
import time
from collections.abc import Iterator

import pytest

from daemons import Daemon, Site, daemon_on, digests, until, write
from wires import Harm, Wire, wire_to

PROJECT = {
    "package.json": "{}",
    "App.js": "// 1",
    "src/Home.js": "// home",
    "src/Cart.js": "// cart",
}


@pytest.fixture
def wire(site: Site) -> Iterator[tuple[Wire, str]]:
    with wire_to(site.database_url) as (wire, dsn):
        yield wire, dsn


@pytest.fixture
def daemon(site: Site, wire) -> Iterator[Daemon]:
    """A daemon that can be cut off from Postgres."""
    name = f"cut-{time.monotonic_ns()}"
    with daemon_on(site, name, environment={"DATABASE_URL": wire[1]}) as daemon:
        daemon.start()
        yield daemon
    for one in site.watch.iterdir():
        shutil.rmtree(one)


class Refusal(Harm):
    """Befalls every message: nobody gets anything through."""

    def is_due(self) -> bool:
        return True


def cut(site, wire, how: str = "refused") -> None:
    """Take both servers away."""
    if how == "swallowed":
        wire[0].dead.set()
    else:
        wire[0].harm = Refusal("cut", "before", 0)
    site.relay.go_down()


def mend(site, wire) -> None:
    wire[0].dead.clear()
    wire[0].harm = None
    site.relay.come_back()


@pytest.mark.parametrize(
    "how", ["refused", pytest.param("swallowed", marks=pytest.mark.long)]
)
def test_work_of_an_outage_is_restored_in_it_and_goes_on_after_it(
    daemon, site, wire, how
):
    sid, place = site.session()
    write(place, {name: f"{text} first" for name, text in PROJECT.items()})
    daemon.await_versions(sid, 1)
    cut(site, wire, how)
    write(place, PROJECT)
    daemon.await_spooled(sid, 1)
    if how == "swallowed":  # each question takes its time until that is noticed
        until(lambda: daemon.ask("status")["catalog_error"], "it is noticed", 60)
    kept = digests(place)
    shutil.rmtree(place)

    began_s = time.monotonic()
    told = daemon.ask("restore", sid, "--to", place, "--if-missing")
    took_s = time.monotonic() - began_s

    assert (told["unrecorded"], told["version"]) == (True, None)
    assert digests(place) == kept
    assert took_s < 15
    write(place, {"App.js": "// on, still in the outage"})
    daemon.await_spooled(sid, 2)
    mend(site, wire)
    rows = daemon.await_versions(sid, 3, timeout_s=60)
    assert [row["parked"] for row in rows] == [None, None, None]
    assert [row["epoch"] for row in rows] == [1, 1, 2]
    assert rows[2]["parent_seq"] == 2
    assert daemon.cli("cat", sid, "App.js").stdout == "// on, still in the outage"


@pytest.mark.long
def test_after_a_restart_in_the_outage_it_is_the_same(daemon, site, wire):
    sid, place = site.session()
    write(place, {name: f"{text} first" for name, text in PROJECT.items()})
    daemon.await_versions(sid, 1)
    cut(site, wire)
    write(place, PROJECT)
    daemon.await_spooled(sid, 1)
    kept = digests(place)
    shutil.rmtree(place)
    daemon.await_end(sid)
    daemon.kill()
    daemon.start()

    told = daemon.ask("restore", sid, "--to", place)
    mend(site, wire)

    assert told["unrecorded"] is True
    assert digests(place) == kept


def test_what_is_not_here_is_refused_with_a_reason_and_nothing_is_started(
    daemon, site, wire
):
    sid, place = site.session()
    write(place, PROJECT)
    daemon.await_versions(sid, 1)
    cut(site, wire)
    write(place, {"App.js": "// only this is here"})
    daemon.await_spooled(sid, 1)
    shutil.rmtree(place)

    refused = daemon.cli("exec", sid, "--to", place, "--", "touch", place)
    told = daemon.cli("restore", sid, "--to", place, "--json")
    mend(site, wire)

    assert (refused.returncode, told.returncode) == (17, 17)
    assert "part of the newest state" in json.loads(told.stderr)["error"]
    assert not place.exists()
    until(lambda: len(site.versions(sid)) == 2, "all is recorded after it", 60)
    daemon.ask("restore", sid, "--to", place)
    assert (place / "App.js").read_text() == "// only this is here"


def test_without_the_daemon_what_it_left_in_its_spool_is_restored(daemon, site, wire):
    sid, place = site.session()
    write(place, PROJECT)
    daemon.await_versions(sid, 1)
    daemon.await_spooled(sid, 0)  # what is recorded goes a moment later
    site.relay.go_down()
    write(place, {"App.js": "// on the way when the host stopped"})
    daemon.await_spooled(sid, 1)
    kept = digests(place)
    daemon.kill()
    site.relay.come_back()

    back = site.top / f"direct-{sid}"
    told = daemon.ask("restore", sid, "--to", back, "--direct")
    (waits,) = daemon.ask("log", sid, "--direct")["waiting"]

    assert told["unrecorded"] is True
    assert digests(back) == kept
    assert (waits["becomes_head"], waits["parked"]) == (True, None)
