"""A catalog and a bucket with something in them, and a hand to break either."""

import contextlib
import datetime
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
from psycopg.rows import dict_row

from databases import fresh_database
from expokeep.catalog.checking import PostgresChecking
from expokeep.catalog.connection import Database
from expokeep.catalog.mending import PostgresMending
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.proofs import PostgresProofs
from expokeep.check.copies import Copies
from expokeep.check.mending import Repaired, Step
from expokeep.check.packer import Packer
from expokeep.check.repair import Repairer
from expokeep.check.run import Checker
from expokeep.check.values import Finding, Outcome, Subset, Wish
from expokeep.model.names import SessionId
from expokeep.pack.footer import FOOTER_BYTES, Footer, read_footer
from expokeep.store.s3 import S3Settings, S3Store, create_bucket
from journeys import SHOP, Keeper, keeper

CAFE = SessionId("cafe")
"""The neighbour, to whom nothing is done."""
LOGO = os.urandom(200_000)
NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


@dataclass
class Damaging:
    """One host, what it has kept, and a hand for each of its servers."""

    host: Keeper
    store: S3Store
    bucket: str
    s3: Any
    connection: psycopg.Connection[dict[str, Any]]
    checker: Checker
    repairer: Repairer
    objects: dict[str, bytes] = field(default_factory=dict)

    # --- what is there ------------------------------------------------------------

    def key(self, seq: int, session: SessionId = SHOP) -> str:
        """Return where the pack of a version is."""
        (row,) = self.rows(
            "SELECT pack.key FROM version JOIN session ON session.id = version.session"
            " JOIN pack ON pack.id = version.pack"
            " WHERE session.sid = %s AND version.seq = %s",
            session,
            seq,
        )
        return str(row["key"])

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Ask Postgres, past all that is ours."""
        return self.connection.execute(query, values).fetchall()

    def read(self, key: str) -> bytes:
        """Return an object."""
        answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        with contextlib.closing(answer["Body"]) as body:
            return bytes(body.read())

    def footer(self, key: str) -> tuple[Footer, int]:
        """Return the footer of a pack, and the size of its object."""
        contents = self.read(key)
        return read_footer(contents[-FOOTER_BYTES:]), len(contents)

    def keys(self) -> list[str]:
        """Return all keys of the bucket."""
        page = self.s3.list_objects_v2(Bucket=self.bucket)
        return [found["Key"] for found in page.get("Contents", ())]

    # --- as it was ------------------------------------------------------------------

    def remember(self) -> None:
        """Note how everything is."""
        self.objects = {key: self.read(key) for key in self.keys()}
        self.alter("CREATE SCHEMA as_it_was")
        for table in self._tables():
            self.alter(f"CREATE TABLE as_it_was.{table} AS TABLE expokeep.{table}")

    def undo(self) -> None:
        """Make everything as it was when it was noted."""
        for key in set(self.keys()) - self.objects.keys():
            self.delete(key)
        there = set(self.keys())
        for key, contents in self.objects.items():
            if key not in there or self.read(key) != contents:
                self.put(key, contents)
        tables = self._tables()
        self.alter(f"TRUNCATE {', '.join(tables)}")
        for table in tables:
            self.alter(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE as_it_was.{table}"
            )

    def _tables(self) -> list[str]:
        found = self.rows("SELECT tablename FROM pg_tables WHERE schemaname='expokeep'")
        return [row["tablename"] for row in found]

    # --- breaking it ----------------------------------------------------------------

    def delete(self, key: str) -> None:
        """Take an object away."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def put(self, key: str, contents: bytes) -> None:
        """Put other bytes in the place of an object."""
        self.delete(key)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=contents)

    def flip(self, key: str, at: int) -> None:
        """Turn one bit of an object around."""
        contents = bytearray(self.read(key))
        contents[at] ^= 0x10
        self.put(key, bytes(contents))

    def alter(self, statement: str, *values: object) -> int:
        """Change rows as nobody of ours would: no trigger, no foreign key helps."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL session_replication_role = replica")
            return self.connection.execute(statement, values).rowcount

    # --- finding it -----------------------------------------------------------------

    def check(
        self, subset: Subset | None = None, session: SessionId | None = None
    ) -> Outcome:
        """Check, and return the outcome; what was said before is what it says."""
        *said, outcome = self.checker.check(Wish(session, subset))
        assert isinstance(outcome, Outcome)
        assert tuple(one for one in said if isinstance(one, Finding)) == (
            outcome.findings
        )
        return outcome

    def found(self, subset: Subset | None = None) -> list[tuple[Any, ...]]:
        """Return kind, object and affected versions of all that a check finds."""
        return [
            (one.kind, one.key, dict(one.affected))
            for one in self.check(subset).findings
        ]

    # --- mending it -----------------------------------------------------------------

    def repair(self, what: str = "catalog", **how: Any) -> tuple[list[Step], Repaired]:
        """Repair; return the steps, and what it came to."""
        how = {"dry_run": False, **how}
        *said, repaired = getattr(self.repairer, what)(**how)
        assert isinstance(repaired, Repaired)
        steps = [one for one in said if isinstance(one, Step)]
        assert repaired.steps == len(steps)
        return steps, repaired


@contextlib.contextmanager
def damaging(
    catalog: PostgresCatalog, catalog_url: str, settings: S3Settings, top: Path
) -> Iterator[Damaging]:
    """Hold a host whose catalog and bucket can be harmed."""
    create_bucket(settings)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(S3Store(settings)))
        host = stack.enter_context(keeper(catalog, store, top))
        s3 = stack.enter_context(
            contextlib.closing(
                boto3.client(
                    "s3",
                    endpoint_url=settings.endpoint_url,
                    region_name="auto",
                    aws_access_key_id=settings.access_key_id,
                    aws_secret_access_key=settings.secret_access_key,
                )
            )
        )
        connection = stack.enter_context(
            psycopg.connect(
                catalog_url,
                autocommit=True,
                row_factory=dict_row,
                options="-csearch_path=expokeep",
            )
        )
        readers = stack.enter_context(ThreadPoolExecutor(4))
        ledger = PostgresChecking(catalog.database)
        mender = PostgresMending(catalog.database, host.host)
        checker = Checker(
            ledger,
            PostgresProofs(catalog.database, host.host),
            store,
            readers,
            "v1/main/",
            lambda: NOW,
        )
        repairer = Repairer(
            checker,
            ledger,
            mender,
            store,
            Copies(ledger, mender, store, host.spool, lambda sid: [host.home(sid)]),
            Packer(store, mender, "main", "v1/"),
            catalog.places,
            top / "repair",
        )
        yield Damaging(host, store, settings.bucket, s3, connection, checker, repairer)


@contextlib.contextmanager
def kept(template, servers, s3_server, top):
    """Three versions of a shop, and a neighbour with two.

    The logo and the names stay, the program changes: the first pack holds something of
    every version, each of the others only its own.
    """
    settings = S3Settings(
        s3_server.endpoint_url,
        f"damage-{uuid.uuid4().hex}",
        s3_server.access_key_id,
        s3_server.secret_access_key,
    )
    with (
        fresh_database(servers.dsn, template) as url,
        contextlib.closing(PostgresCatalog(Database(url))) as catalog,
        damaging(catalog, url, settings, top) as here,
    ):
        for session in (SHOP, CAFE):
            home = here.host.home(session)
            home.mkdir()
            (home / "package.json").write_text(f'{{"name": "{session}"}}')
            (home / f"{session}.png").write_bytes(LOGO + session.encode())
            for number in (1, 2, 3)[: 3 if session == SHOP else 2]:
                (home / "app.js").write_text(f"// {session} {number}\n" * 50)
                assert here.host.save(session)
        yield here
