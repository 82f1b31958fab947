"""Whatever sessions go through, the bucket alone gives back all that is kept."""

import contextlib
import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from expokeep.errors import ExpokeepError
from expokeep.model.names import SessionId
from expokeep.store.memory import MemoryStore
from rebuilding import Loss, changed, told, trees, write
from retaining import Warden

SESSIONS = st.sampled_from([SessionId("one"), SessionId("two")])
FILES = st.dictionaries(
    st.sampled_from(["package.json", "App.js", "src/a.js", "src/b.js", "big.bin"]),
    st.sampled_from(["", "x", "y", "z" * 3000]),
    min_size=1,
    max_size=3,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("save"), SESSIONS, FILES),
        st.tuples(st.just("save"), SESSIONS, FILES),
        st.tuples(st.just("save"), SESSIONS, FILES),
        st.tuples(st.just("remove"), SESSIONS, FILES),
        st.tuples(st.just("anew"), SESSIONS, FILES),
        st.tuples(st.just("back"), SESSIONS, st.integers(1, 4)),
        st.tuples(st.just("mark"), SESSIONS, st.integers(1, 4)),
        st.tuples(st.just("accept"), SESSIONS, st.integers(1, 4)),
        st.tuples(st.just("delete"), SESSIONS, st.booleans()),
        st.tuples(st.just("forget"), SESSIONS, st.integers(1, 3)),
        st.tuples(st.just("merge"), SESSIONS, st.none()),
        st.tuples(st.just("collect"), SESSIONS, st.none()),
        st.tuples(st.just("note"), SESSIONS, st.none()),
    ),
    min_size=4,
    max_size=14,
)
LABEL = """
INSERT INTO label (session, name, seq)
SELECT version.session, 'l' || %s, version.seq
  FROM version JOIN session ON session.id = version.session
 WHERE session.sid = %s AND version.seq = %s
ON CONFLICT (session, name) DO UPDATE SET seq = excluded.seq
"""

numbers = itertools.count()


class Life:
    """Two sessions on one host, and what looks after their catalog."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.catalog, self.dsn = loss.catalog, loss.dsn
        self.host = loss.host
        self.warden = Warden(
            self.catalog, loss.bucket, loss.place, self.host.executor, fan=2
        )

    def act(self, step: tuple) -> None:
        kind, sid, what = step
        home = self.host.home(sid)
        if kind in {"save", "remove", "anew"}:
            getattr(self, kind)(home, what)
            self.host.save(sid)
        elif kind in {"merge", "collect"}:
            getattr(self.warden, kind)()
        elif kind == "forget":
            self.warden.forget(sid, last=what)
        elif kind == "note":
            self.loss.note(self.dsn)
        else:
            getattr(self, kind)(sid, what)

    def save(self, home: Path, files: dict[str, str]) -> None:
        home.mkdir(exist_ok=True)
        write(home, files)

    def remove(self, home: Path, files: dict[str, str]) -> None:
        self.save(home, {"kept.js": "kept"})
        for name in files:
            (home / name).unlink(missing_ok=True)

    def anew(self, home: Path, files: dict[str, str]) -> None:
        shutil.rmtree(home, ignore_errors=True)
        self.save(home, files)

    def back(self, sid: SessionId, seq: int) -> None:
        try:
            self.host.restore(f"{sid}@{seq}", existing="swap")
        except ExpokeepError:
            return  # it was forgotten, or never was
        self.save(self.host.home(sid), {"after.js": f"{seq}"})
        self.host.save(sid)

    def mark(self, sid: SessionId, seq: int) -> None:
        changed(self.dsn, LABEL, str(seq % 2), sid, seq)
        changed(
            self.dsn,
            "UPDATE version SET message = 'm', author = author WHERE seq = %s",
            seq,
        )

    def accept(self, sid: SessionId, seq: int) -> None:
        for version in self.catalog.versions(sid):
            if version.seq == seq:
                self.catalog.accept(version)

    def delete(self, sid: SessionId, gone: bool) -> None:
        at = "now()" if gone else "NULL"
        changed(
            self.dsn, f"UPDATE session SET deleted_at = {at} WHERE sid = %s", str(sid)
        )


@pytest.fixture
def lives(postgres_server, catalog_template, tmp_path):
    """Gives one life after another, each on a catalog of its own."""

    @contextlib.contextmanager
    def lives():
        top = tmp_path / f"life-{next(numbers)}"
        (top / "host").mkdir(parents=True)
        with contextlib.ExitStack() as stack:
            loss = Loss(
                server_dsn=postgres_server.dsn,
                template=catalog_template,
                stack=stack,
                bucket=MemoryStore(),
                place=top,
            )
            yield Life(loss)

    return lives


SETTINGS = settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a smaller one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SETTINGS
@given(steps=STEPS)
def test_a_rebuilt_catalog_says_what_the_lost_one_said(lives, steps):
    with lives() as life:
        for step in steps:
            life.act(step)
        life.loss.note()
        fresh, dsn = life.loss.catalog_like()

        report = life.loss.rebuild(fresh)

        assert not report.doubts
        assert told(dsn) == told(life.dsn)
        assert trees(fresh) == trees(life.catalog)


@SETTINGS
@given(steps=STEPS, noted=st.integers(0, 14))
def test_what_no_fact_speaks_of_comes_back_all_the_same(lives, steps, noted):
    with lives() as life:
        for number, step in enumerate(steps):
            if step[0] not in {"forget", "collect", "delete", "note"}:
                life.act(step)
            if number == noted:
                life.loss.note()
        fresh, dsn = life.loss.catalog_like()

        report = life.loss.rebuild(fresh)

        assert not report.doubts
        before, after = told(life.dsn), told(dsn)
        kept = {row["pack"]: row["tree"] for row in after["versions"]}
        lost = [
            row for row in before["versions"] if kept.get(row["pack"]) != row["tree"]
        ]
        assert not lost
        assert all(row.head_seq for row in fresh.sessions())
