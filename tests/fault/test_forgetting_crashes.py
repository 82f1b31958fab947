"""Forgetting, merging and sweeping, killed at every step: nothing that is kept suffers.

Killed here is what a step is left by: none of our code looks at such an end. What a
real kill does to a process is in `test_crashes.py`.
"""

import datetime
import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from consistency import Books
from expokeep import crash
from expokeep.model.names import SessionId
from expokeep.store.base import Unfinished
from expokeep.store.memory import MemoryStore
from journeys import Keeper, seen_in
from retaining import Warden
from retelling import not_told

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


class Killed(BaseException):
    """The process is gone."""


class LitteredStore(MemoryStore):
    """In which somebody left uploads unfinished."""

    def __init__(self):
        super().__init__()
        self.litter = {}

    def unfinished(self, prefix):
        return iter(list(self.litter.values()))

    def abort(self, upload):
        self.litter.pop(upload.key, None)


class Site:
    """A host that keeps sessions, and one who forgets, on one catalog and bucket."""

    def __init__(self, catalog, dsn, top, pool):
        self.catalog, self.dsn, self.top, self.pool = catalog, dsn, top, pool
        self.store = LitteredStore()
        self.keeper = Keeper(catalog, self.store, top, pool)
        self.warden = Warden(catalog, self.store, top / "warden", pool, fan=3)
        self.seen = {}
        self.round = 0

    def live(self):
        """Let some time go by: versions, a deletion, a session that nobody needs."""
        self.round += 1
        self.save("long", 6)
        old, new = f"old-{self.round}", f"new-{self.round}"
        for session in (old, new):
            self.save(session, 2)
        self.warden.deletions.delete(SessionId(old))
        self.save(f"unloved-{self.round}", 1)
        with psycopg.connect(self.dsn) as connection:
            connection.execute(
                "UPDATE expokeep.session SET accessed_at = %(at)s, created_at = %(at)s"
                " WHERE sid = %(sid)s",
                {"at": LONG_AGO, "sid": f"unloved-{self.round}"},
            )
            connection.execute(
                "UPDATE expokeep.version SET recorded_at = %(at)s FROM expokeep.session"
                " WHERE session.id = version.session AND session.sid = %(sid)s",
                {"at": LONG_AGO, "sid": f"unloved-{self.round}"},
            )
        self.store.litter[old] = Unfinished(old, "1", LONG_AGO)

    def save(self, session, count):
        home = self.keeper.home(SessionId(session))
        home.mkdir(exist_ok=True)
        (home / "shared.js").write_bytes(random.Random(0).randbytes(90_000))
        for number in range(count):
            own = random.Random(f"{session}{self.round}{number}").randbytes(2000)
            (home / "own.js").write_bytes(own)
            (home / f"{number % 2}.js").write_bytes(own[:100])
            version = self.keeper.save(SessionId(session))
            self.seen[session, version.seq] = seen_in(home, times=False)

    def forget(self):
        """All that maintenance does."""
        self.warden.forget(last=3)
        self.warden.merge()
        for _ in range(2):
            self.warden.collect()

    def left_over(self):
        """Return rows and uploads that are on their way out, or in."""
        with psycopg.connect(self.dsn) as connection:
            ((packs,),) = connection.execute(
                "SELECT count(*) FROM expokeep.pack WHERE state <> 'live'"
            ).fetchall()
        return packs, len(self.store.litter)

    def assert_sound(self):
        assert Books(self.catalog, self.dsn, self.store).differences() == []
        assert not_told(self.dsn, self.store) == []
        target = self.top / "look"
        for row in self.catalog.sessions():
            for version in self.catalog.versions(row.session):
                self.keeper.restore(f"{row.session}@{version.seq}", target)
                expected = self.seen[row.session, version.seq]
                assert seen_in(target, times=False) == expected
                shutil.rmtree(target)


@pytest.fixture
def site(catalog, catalog_url, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        yield Site(catalog, catalog_url, tmp_path, pool)


@pytest.fixture
def kill(monkeypatch):
    """Kills at the next passing of a point; returns whether it was passed."""

    def die(*_):
        raise Killed

    monkeypatch.setattr(crash.os, "kill", die)

    def killed_at(point, number, act):
        crash._left[point] = number
        try:
            act()
        except Killed:
            return True
        finally:
            crash._left.pop(point)
        return False

    return killed_at


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.long)])
@pytest.mark.parametrize("point", crash.FORGETTING)
def test_killed_anywhere_forgetting_goes_on_where_it_was(site, kill, point, rounds):
    for number in range(1, rounds + 1):
        site.live()
        was_killed = kill(point, number, site.forget)
        assert was_killed or number > 1
        if was_killed:
            site.assert_sound()
            site.save("long", 1)
        site.forget()

        site.assert_sound()
        assert site.left_over() == (0, 0)
        if not was_killed:
            break
