"""What one host could not record is named by every other one, until it is recorded."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from daemons import Daemon, appear, daemon_on, digests, until, write

HURRIED = """\
debounce: {quiet: 200ms, max-wait: 1s}
storage: {retries: 0}
shutdown: {flush-timeout: 1s}
"""


@pytest.fixture(scope="module")
def other(site) -> Iterator[Daemon]:
    """The daemon of another host, with a disk and sessions of its own."""
    its_site = replace(site, top=site.top / "other")
    its_site.watch.mkdir(parents=True)
    with daemon_on(its_site, "other") as other:
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
