"""Whatever is done, and by whom: the app reads what is kept."""

import datetime
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cataloging import NOON, Scribe, a_file
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.forgetting import PostgresForgetting
from expokeep.catalog.marking import PostgresMarks
from expokeep.model.names import SessionId
from rows import BASE, NEVER, Rows, begun, stamp

SEEDS = 3
ACTS = 40
SESSIONS = 4
NAMES = (b"App.js", b"src/a.ts", b"app.json", b"caf\xc3\xa9", b"\xff", b"a\\b")


@dataclass
class World:
    """Some sessions, and somebody who does things to them by chance."""

    rows: Rows
    chance: random.Random
    scribes: list[Scribe] = field(default_factory=list)
    minutes: int = 0

    def begin(self) -> None:
        for number in range(SESSIONS):
            session = SessionId(f"s{number}")
            scribe = Scribe(self.rows.catalog, session=session, inode=number + 1)
            scribe.record(self.tree())
            self.scribes.append(scribe)

    def tree(self) -> dict[bytes, object]:
        names = self.chance.sample(NAMES, self.chance.randint(1, len(NAMES)))
        return {name: a_file(self.chance.randbytes(2)) for name in names}

    @property
    def scribe(self) -> Scribe:
        return self.chance.choice(self.scribes)

    @property
    def sql(self) -> Callable[..., object]:
        return self.rows.app.sql

    def ours(self, text: str, **values: object) -> None:
        self.rows.catalog.database.run(
            lambda connection: connection.execute(text, values)
        )

    def any_version(self):
        scribe = self.scribe
        versions = self.rows.catalog.versions(scribe.session)
        return self.chance.choice(versions)

    # What we do.

    def edit(self) -> None:
        self.scribe.record(self.tree())

    def save(self) -> None:
        self.scribe.record(self.tree(), trigger="save", project_name="Saved")

    def park(self) -> None:
        self.scribe.record(self.tree(), parked="lost files", moves_head=False)

    def begin_anew(self) -> None:
        """A new life of a directory, whose first version is the head at once."""
        scribe = self.scribe
        scribe.inode, scribe.tree = self.chance.randint(100, 10**9), {}
        scribe.record(self.tree())

    def accept(self) -> None:
        self.rows.catalog.accept(self.any_version())

    def pin(self) -> None:
        marks = PostgresMarks(self.rows.catalog.database)
        marks.pin(self.any_version(), is_pinned=self.chance.random() < 0.5)

    def label(self) -> None:
        PostgresMarks(self.rows.catalog.database).label(self.any_version(), "here")

    def delete(self) -> None:
        PostgresDeleting(self.rows.catalog.database).delete(self.scribe.session)

    def undelete(self) -> None:
        PostgresDeleting(self.rows.catalog.database).undelete(self.scribe.session)

    def expire(self) -> None:
        self.ours(
            "UPDATE session SET expired = true, deleted_at = now()"
            " WHERE sid = %(sid)s AND deleted_at IS NULL",
            sid=self.scribe.session,
        )

    def forget(self) -> None:
        session = self.scribe.session
        seqs = [one.seq for one in self.rows.catalog.versions(session)]
        forgetting = PostgresForgetting(self.rows.catalog.database)
        forgetting.forget(session, seqs[self.chance.randint(1, 4) :])

    def touch(self) -> None:
        self.minutes += 1
        at = NOON + datetime.timedelta(minutes=self.minutes)
        self.rows.catalog.touch(self.scribe.session, at=at)

    def describe(self) -> None:
        self.rows.catalog.describe(
            self.scribe.session,
            owner=self.chance.choice([None, "u1", "u2"]),
            project_name=self.chance.choice([None, "Named"]),
        )

    def share(self) -> None:
        self.ours(
            "INSERT INTO share (name, token, pepper, session, seq, expires_at)"
            " SELECT %(name)s::text, sha256(convert_to(%(name)s::text, 'UTF8')),"
            "        '12345678', id, head_seq, now() + interval '1 day'"
            "   FROM session"
            "  WHERE sid = %(sid)s AND deleted_at IS NULL",
            name="shr-" + "".join(self.chance.choices("abcdefgh", k=12)),
            sid=self.scribe.session,
        )

    def revoke(self) -> None:
        self.ours(
            "UPDATE share SET revoked_at = now() FROM session"
            " WHERE session.id = share.session AND sid = %(sid)s",
            sid=self.scribe.session,
        )

    def run_out(self) -> None:
        """Time goes by, as far as shares are concerned."""
        self.ours(
            "UPDATE share SET created_at = now() - interval '2 days',"
            " expires_at = now() - interval '1 day'"
        )

    def take_template(self) -> None:
        self.ours(
            "INSERT INTO template (name, uid, session, seq)"
            " SELECT %(name)s::text, 0, id, head_seq FROM session"
            "  WHERE sid = %(sid)s AND deleted_at IS NULL",
            name=str(uuid.UUID(int=self.chance.getrandbits(128))),
            sid=self.scribe.session,
        )

    def drop_templates(self) -> None:
        self.ours("DELETE FROM template")

    # What the app does.

    def app_saves(self) -> None:
        session = self.scribe.session
        if session in self.rows.app.builds():  # else it would be the app's own
            self.rows.app.save(
                session, appDescription="hers", userId="u3", isShared=True
            )

    def app_uses(self) -> None:
        self.sql(
            'UPDATE "BuildSession" SET "lastAccessed" = now() AT TIME ZONE \'UTC\''
        )

    def app_deletes(self) -> None:
        self.sql(
            'DELETE FROM "BuildSession" WHERE "sessionId" = %s', self.scribe.session
        )

    def app_meddles(self) -> None:
        self.sql('UPDATE "BuildFile" SET "fileHash" = %s, "sizeBytes" = 0', "x")
        self.sql('UPDATE "BuildSession" SET "userId" = NULL, "expiresAt" = NULL')

    def app_resets(self) -> None:
        self.sql('DROP TABLE "BuildFile", "BuildSession"')
        self.rows.ports.tables.make()

    def act(self) -> str:
        """Do something; return what."""
        act = self.chance.choice(
            [
                *3 * [self.edit],
                self.save,
                self.park,
                self.begin_anew,
                self.accept,
                self.pin,
                self.label,
                self.delete,
                self.undelete,
                self.undelete,
                self.expire,
                self.forget,
                self.touch,
                self.describe,
                self.share,
                self.revoke,
                self.run_out,
                self.take_template,
                self.drop_templates,
                self.app_saves,
                self.app_uses,
                self.app_deletes,
                self.app_meddles,
                self.app_resets,
            ]
        )
        act()
        return act.__name__

    # What all of it comes to.

    def require_all(self) -> None:
        """Check every row, also what only the whole catalog can tell."""
        self.rows.require_step()
        for session, row in self.rows.app.builds().items():
            shared, stays, last = self.told(session)
            assert row["isShared"] == shared
            kept = self.rows.catalog.session(SessionId(session))
            since = max(kept.accessed_at, kept.created_at, last)
            later = since + datetime.timedelta(days=30)
            assert row["expiresAt"] == (NEVER if shared or stays else stamp(later))
            assert row["storageUrl"] == f"{BASE}/builds/{session}/build.tar.gz"

    def told(self, session: str) -> tuple[bool, bool, datetime.datetime]:
        text = """
            SELECT EXISTS (SELECT FROM shared WHERE shared.session = session.id),
                   EXISTS (SELECT FROM version
                            WHERE version.session = session.id
                              AND pinned_at IS NOT NULL)
                   OR EXISTS (SELECT FROM template
                               WHERE template.session = session.id),
                   (SELECT max(recorded_at) FROM version
                     WHERE version.session = session.id)
              FROM session WHERE sid = %s
        """
        return self.rows.catalog.database.run(
            lambda connection: connection.execute(text, [session]).fetchone()
        )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_every_act_the_app_reads_what_is_kept(catalog_url, seed):
    with begun(catalog_url) as rows:
        world = World(rows, random.Random(seed))
        world.begin()
        done = []
        for _ in range(ACTS):
            act = world.act()
            done.append(act)
            if act.startswith("app_") or act == "run_out":
                rows.settle()  # what we do ourselves is in step at once
            try:
                world.require_all()
            except AssertionError as error:
                raise AssertionError(f"after {done}") from error
        assert rows.ports.rows.compare() == 0
        assert rows.ports.notes.standing().behind == 0
