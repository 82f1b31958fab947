"""A Postgres that may be killed, a wire to it that may be cut, and trials on them."""

import contextlib
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consistency import Books
from expokeep.catalog.connection import Database, Limits
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.embedded.postgres import running_postgres
from expokeep.embedded.seaweed import Seaweed
from expokeep.errors import BackendUnreachable
from expokeep.store.s3 import S3Settings, S3Store, create_bucket
from trials import Trials
from wires import Harm, Wire, wire_to

PATIENT = Limits(pool_size=3, connect_s=5.0, answer_s=5.0)
HASTY = Limits(pool_size=3, connect_s=2.0, answer_s=0.15)
"""For what will never be answered."""
MOST_CONNECTS = 20
TABLES = (
    "scope",
    "host",
    "session",
    "epoch",
    "pack",
    "blob",
    "path",
    "version",
    "file_version",
)
_STRIKES = """
CREATE SEQUENCE public.statement;
CREATE TABLE public.strike (at bigint, code text);
CREATE FUNCTION public.strike() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint := nextval('public.statement');  -- counts on, whatever is undone
    due text := (SELECT code FROM public.strike WHERE at = number);
BEGIN
    IF due IS NOT NULL THEN
        RAISE EXCEPTION 'struck' USING ERRCODE = due;
    END IF;
    RETURN NULL;
END
$$;
"""


class Watched:
    """A catalog that says which of its methods is under way."""

    def __init__(self, patient: Any, hasty: Any) -> None:
        self._patient, self._hasty = patient, hasty
        self.is_hasty = False
        self.on_step: Callable[[str], None] = lambda _name: None

    def __getattr__(self, name: str) -> Any:
        def ask(*words: Any, **more: Any) -> Any:
            catalog = self._hasty if self.is_hasty else self._patient
            self.on_step(name)
            try:
                return getattr(catalog, name)(*words, **more)
            finally:
                self.on_step("")

        return ask


@dataclass
class Stage:
    """All that a trial by Postgres needs."""

    dsn: str
    """Past the wire."""
    wired: str
    """Through it."""
    wire: Wire
    bucket: S3Settings
    database: Database
    catalog: Watched
    books: Books
    trials: Trials

    @contextlib.contextmanager
    def harm(self, step: str, harm: Harm) -> Iterator[None]:
        """Do harm to a step, the first time that it comes."""

        def on_step(name: str) -> None:
            due = name == step and not harm.struck.is_set()
            self.wire.harm = harm if due else None

        self.catalog.is_hasty = harm.what == "hole"
        self._connect()
        self.catalog.on_step = on_step
        try:
            yield
        finally:
            self.catalog.is_hasty = False
            self.catalog.on_step = lambda _name: None
            self.wire.harm = None

    def _connect(self) -> None:
        """Be connected before the harm: in a black hole that takes seconds.

        A loaded machine may be too slow for who is hasty; then it is tried again.
        """
        for _ in range(MOST_CONNECTS):
            with contextlib.suppress(BackendUnreachable):
                self.catalog.server_time()
                return
        pytest.fail("Postgres does not answer, though nobody harms it")

    def ask(self, statement: str, *words: object) -> list[tuple[Any, ...]]:
        """Ask Postgres something, past the wire and past our own code."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            found = connection.execute(statement, words or None)
            return found.fetchall() if found.description else []

    def strike(self, number: int, code: str) -> None:
        """Let the Nth statement from now that writes fail with an SQLSTATE."""
        self.ask("ALTER SEQUENCE public.statement RESTART")
        self.ask("INSERT INTO public.strike VALUES (%s, %s)", number, code)

    def kill_backends(self) -> None:
        """Kill -9 whoever serves us: Postgres then ends all others, and recovers."""
        served = self.ask(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'expokeep%%'"
            " AND pid <> pg_backend_pid()"
        )
        for (pid,) in served:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def staged(home: Path, seaweed: Seaweed, top: Path) -> Iterator[Stage]:
    """Set everything up: the server lives in `home`, the trials in `top`."""
    with contextlib.ExitStack() as stack:

        def catalog_on(dsn: str, limits: Limits = PATIENT) -> PostgresCatalog:
            held = PostgresCatalog(Database(dsn, limits=limits))
            stack.callback(held.close)
            return held

        # Durable, but for a loss of power: what is killed here are processes.
        dsn = stack.enter_context(running_postgres(home)).dsn
        direct = catalog_on(dsn)
        direct.migrate()
        wire, wired = stack.enter_context(wire_to(dsn))
        held = catalog_on(wired)
        catalog = Watched(held, catalog_on(wired, HASTY))
        keys = (seaweed.access_key_id, seaweed.secret_access_key)
        settings = S3Settings(seaweed.endpoint_url, f"stage-{uuid.uuid4().hex}", *keys)
        create_bucket(settings)
        store = stack.enter_context(contextlib.closing(S3Store(settings)))
        books = Books(direct, dsn, store)
        trials = Trials(catalog, store, books, top)
        stack.callback(trials.close)
        stage = Stage(dsn, wired, wire, settings, held.database, catalog, books, trials)
        _prepare(stage)
        yield stage


def _prepare(stage: Stage) -> None:
    stage.ask("ALTER SYSTEM SET fsync = off")
    stage.ask("ALTER SYSTEM SET deadlock_timeout = '100ms'")
    stage.ask("SELECT pg_reload_conf()")
    stage.ask(_STRIKES)
    for table in TABLES:
        stage.ask(
            f"CREATE TRIGGER strike BEFORE INSERT OR UPDATE ON expokeep.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.strike()"
        )
