"""`expokeepd --embedded`: no configuration, servers of its own, data that survives."""

import contextlib
import shutil
import time
import urllib.parse
from pathlib import Path

import psycopg
import pytest

from daemons import Daemon, as_nobody, daemon_on, digests, until, write


@pytest.fixture
def embedded(site):
    """A daemon of an ordinary user, who has set nothing up."""
    with daemon_on(site, "embedded", before=as_nobody()) as daemon:
        for name in [*daemon.environment]:
            if name.startswith(("R2_", "DATABASE_URL")):
                del daemon.environment[name]
        yield daemon


def dsn_of(embedded: Daemon) -> str:
    """Return how its Postgres is reached: by a socket beside its data."""
    home = embedded.state / "postgres"
    password = (home / "password").read_text()
    sockets = urllib.parse.quote(str(home / "socket"), safe="")
    return f"postgresql://expokeep:{password}@{sockets}:5432/postgres"


def builds_of(embedded: Daemon) -> list[tuple[str]]:
    """Return the sessions that the app would list."""
    with psycopg.connect(dsn_of(embedded)) as app:
        return app.execute('SELECT "sessionId" FROM public."BuildSession"').fetchall()


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
    until(lambda: builds_of(embedded) == [(sid,)], "a row of the app's table")
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
