"""What is not recorded yet: given back where it is, and named everywhere else."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from daemons import Daemon, appear, daemon_on, digests, until, write

HURRIED = """\
debounce: {quiet: 200ms, max-wait: 1s}
storage: {retries: 0}
shutdown: {flush-timeout: 1s}
"""
PATIENT = "debounce: {quiet: 5m, max-wait: 1h}"
"""A daemon that keeps nothing by itself for as long as a test takes."""


@pytest.fixture(scope="module")
def other(site) -> Iterator[Daemon]:
    """The daemon of another host, with a disk and sessions of its own."""
    its_site = replace(site, top=site.top / "other")
    its_site.watch.mkdir(parents=True)
    with daemon_on(its_site, "other", settings=PATIENT) as other:
        other.start()
        yield other
        other.kill()


def test_what_a_host_that_stopped_still_holds_is_named_elsewhere(site, other):
    sid, place = site.session()
    with daemon_on(site, "one", settings=HURRIED) as one:
        one.start()
        appear(place, {"App.js": "1"})
        one.await_versions(sid, 1)
        before = digests(place)
        site.relay.go_down()
        write(place, {"App.js": "2"})
        one.await_spooled(sid, 1)
        assert one.stop() == 0
        site.relay.come_back()

        back = site.top / "elsewhere"
        told = other.cli("restore", sid, "--to", back)
        (held,) = other.ask("restore", sid, "--to", f"{back}-2")["held_elsewhere"]
        listed = other.cli("log", sid)

        assert told.returncode == 0
        assert digests(back) == before
        assert "holds 1 unrecorded version of this session since" in told.stderr
        assert "holds 1 unrecorded version of this session since" in listed.stderr
        assert held["snapshots"] == 1

        one.start()
        one.await_versions(sid, 2)
        until(
            lambda: not other.ask("log", sid)["held_elsewhere"], "nothing is held", 30
        )
        assert one.stop() == 0


def test_what_has_not_settled_yet_is_given_back_where_it_is(other):
    sid, place = other.site.session()
    beside = place.with_name(f"{place.name}-restored-{uuid.uuid4()}")
    appear(place, {"package.json": "{}", "App.js": "1"})
    write(place, {"src/Late.js": "a moment ago"})

    told = other.ask("restore", sid, "--to", beside)

    assert digests(beside) == digests(place)
    assert told["version"] == 1
