"""`expokeepd --embedded`: no configuration, servers of its own, data that survives."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest

from daemons import Daemon, as_nobody, daemon_on, digests, write


@pytest.fixture
def embedded(site):
    """A daemon of an ordinary user, who has set nothing up."""
    with daemon_on(site, "embedded", before=as_nobody()) as daemon:
        for name in [*daemon.environment]:
            if name.startswith(("R2_", "DATABASE_URL")):
                del daemon.environment[name]
        yield daemon


def at_home_in(daemon: Daemon) -> set[int]:
    """Return the processes that work below its state directory: its servers."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(daemon.state):
                found.add(int(process.name))
    return found


def test_it_needs_no_configuration_and_survives_its_own_end(embedded, site):
    sid, place = site.session()
    write(place, {"App.js": "1", "src/Home.js": "2"})
    kept = digests(place)

    embedded.start("--embedded")
    told = embedded.log
    assert embedded.ask("save", sid)["version"] == 1
    embedded.kill()
    embedded.start("--embedded")
    shutil.rmtree(place)
    back = site.top / "embedded-back"
    embedded.ask("restore", sid, "--to", back)
    assert len(at_home_in(embedded)) >= 2
    began_s = time.monotonic()
    assert embedded.stop() == 0

    assert time.monotonic() - began_s < 10
    assert at_home_in(embedded) == set()
    assert digests(back) == kept
    for words in (str(site.watch), str(embedded.state), "expokeep", "log hello"):
        assert words in told
