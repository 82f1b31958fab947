"""kill -9 between any two steps of a fork: there is one, or none, and never half."""

import signal
import uuid

import pytest

from daemons import appear, differences
from expokeep.control.client import Client, segment
from expokeep.errors import DaemonUnreachable

BEGUN = "after-fork-begin"
SEALED = "after-fork-seal"


def fork(daemon, version, new, wish):
    client = Client(daemon.state / "control.sock", 60)
    path = f"/v1/versions/{segment(version)}/fork"
    return client.post(path, {"session": new, "id": str(wish)})


@pytest.mark.parametrize(
    "point",
    [
        BEGUN,
        SEALED,
        pytest.param("after-put", marks=pytest.mark.long),
        pytest.param("after-commit", marks=pytest.mark.long),
    ],
)
def test_a_daemon_killed_in_a_fork_makes_it_once_or_not_at_all(daemon, site, point):
    sid, place = site.session("source")
    new, home = site.session("fork")
    daemon.start()
    appear(place, {"App.js": "1", "src/kept.js": "kept"})
    daemon.await_versions(sid, 1)
    assert daemon.stop() == 0
    wish = uuid.uuid4()

    daemon.start(crash=f"{point}:1")
    with pytest.raises(DaemonUnreachable):
        fork(daemon, sid, new, wish)
    assert daemon.wait() == -signal.SIGKILL
    assert daemon.spooled(new) == (0 if point == BEGUN else 1)

    daemon.start()
    if point != BEGUN:  # what was sealed needs nobody to ask again
        daemon.await_versions(new, 1)
    again = fork(daemon, sid, new, wish)
    daemon.ask("flush", "--all", "--wait")

    assert b'"version":1' in again
    assert [row["trigger"] for row in site.versions(new)] == ["fork"]
    assert daemon.spooled(new) == 0
    daemon.ask("restore", new)
    assert not differences(place, home)
    assert daemon.ask("status")["state"] == "ok"
