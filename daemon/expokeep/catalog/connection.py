"""The way to Postgres: a bounded pool, deadlines of our own, and asking again.

It knows nothing of what is asked. A black hole ends here, not in a worker that hangs:
the kernel gives up on bytes that nobody acknowledges, Postgres on statements that take
too long, and we on answers that do not come.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from expokeep import clock, log
from expokeep.catalog.bounded import Bounded
from expokeep.catalog.faults import is_worth_repeating, translated
from expokeep.errors import BackendUnreachable, ConfigError

_log = log.get(__name__)

T = TypeVar("T")
Work = Callable[[Connection[TupleRow]], T]

_LOOK_EVERY_S = 0.05
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0

_SETUP = """
SELECT set_config('search_path', quote_ident(%(schema)s) || ', pg_temp', false),
       set_config('statement_timeout', %(statement_ms)s::text, false),
       set_config('idle_in_transaction_session_timeout', '60s', false),
       set_config('timezone', 'UTC', false),
       set_config('application_name', %(caller)s::text, false)
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of Postgres we take, and how long we wait for it."""

    pool_size: int = 5
    connect_s: float = 5.0
    """For a connection: to make one, or to get one from the pool."""
    answer_s: float = 15.0
    """For each answer. Postgres itself ends a statement a little sooner."""
    attempts: int = 5
    """Of a transaction, when asking again may help."""


@contextmanager
def reading(connection: Connection[TupleRow]) -> Iterator[None]:
    """Let several questions be answered from the same moment."""
    with connection.pipeline(), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


class Database:
    """Runs work on a connection, and repeats it when that may help."""

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "expokeep",
        caller: str = "expokeep",
        limits: Limits | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.schema = schema
        self.caller = caller
        """What Postgres lists us as."""
        self.answer_s = (limits or Limits()).answer_s
        """How long we wait for each answer, but for those that are known to be slow."""
        self.retries: Counter[str] = Counter()
        """How often something was asked again, by sqlstate."""
        self._dsn = dsn
        self._limits = limits or Limits()
        self._chance = chance
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._pool: ConnectionPool[Bounded] | None = None
        self._failure: tuple[float, psycopg.Error] | None = None

    def run(self, work: Work[T]) -> T:
        """Do `work` on a connection in autocommit; again, when that is promising.

        Raises:
            BackendUnreachable, AccessDenied, Busy, ConfigError: see `faults`.
        """
        for pause_s in (*self._pauses_s(), None):
            try:
                with self._borrowed() as connection:
                    return work(connection)
            except psycopg.Error as error:
                if pause_s is None or not is_worth_repeating(error):
                    raise translated(error) from error
                self._note(error)
            if clock.wait(self._closing, pause_s):
                break
        raise BackendUnreachable("the catalog was closed in the meantime")

    @contextmanager
    def streaming(self) -> Generator[Connection[TupleRow], None, None]:
        """Lend a connection for an answer that comes in pieces, in a transaction."""
        try:
            with self._borrowed() as connection, connection.transaction():
                yield connection
        except psycopg.Error as error:
            raise translated(error) from error

    @contextmanager
    def apart(self, *, answer_s: float) -> Generator[Connection[TupleRow], None, None]:
        """Lend a connection of its own, for what takes long: migrations."""
        try:
            with Bounded.connect(
                self._conninfo(), answer_s=answer_s, autocommit=True
            ) as connection:
                self._set_up(connection)
                yield connection
        except psycopg.Error as error:
            raise translated(error) from error

    def close(self) -> None:
        """Let go of all connections, and wake who waits to ask again."""
        self._closing.set()
        with self._lock:
            if self._pool is not None:
                self._pool.close()

    @contextmanager
    def _borrowed(self) -> Iterator[Bounded]:
        pool = self._opened()
        connection = self._checkout(pool)
        try:
            yield connection
        finally:
            broken = connection.closed
            pool.putconn(connection)
            if broken:
                # They broke together, more often than not: a restart, a dead network.
                pool.drain()

    def _checkout(self, pool: ConnectionPool[Bounded]) -> Bounded:
        """Take a connection; learn at once why there is none, if the pool knows."""
        began_s = clock.monotonic_s()
        while True:
            try:
                return pool.getconn(timeout=_LOOK_EVERY_S)
            except PoolTimeout:
                failure = self._failure
                if failure is not None and failure[0] >= began_s:
                    raise failure[1] from None
                if clock.monotonic_s() - began_s > self._limits.connect_s:
                    raise

    def _opened(self) -> ConnectionPool[Bounded]:
        with self._lock:
            if self._closing.is_set():
                raise BackendUnreachable("the catalog is closed")
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._conninfo(),
                    connection_class=Bounded,
                    kwargs={
                        "autocommit": True,
                        "answer_s": self._limits.answer_s,
                        "report": self._failed,
                    },
                    min_size=0,
                    max_size=self._limits.pool_size,
                    reconnect_timeout=0.001,  # we ask again ourselves; zero is for ever
                    num_workers=1,
                    open=True,
                    configure=self._set_up,
                )
            return self._pool

    def _failed(self, error: psycopg.Error) -> None:
        self._failure = (clock.monotonic_s(), error)

    def _conninfo(self) -> str:
        limit_s = max(2, round(self._limits.connect_s))
        try:
            return make_conninfo(
                self._dsn,
                connect_timeout=limit_s,
                keepalives=1,
                keepalives_idle=limit_s,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=round(self._limits.answer_s * 1000),
            )
        except psycopg.Error:
            # Without the driver's words, and without a cause: both quote the URL, and
            # with it the password.
            raise ConfigError("the URL of the database cannot be understood") from None

    def _set_up(self, connection: Bounded) -> None:
        statement_ms = round(connection.answer_s * 800)
        values = {
            "schema": self.schema,
            "statement_ms": statement_ms,
            "caller": self.caller,
        }
        connection.execute(_SETUP, values)

    def _pauses_s(self) -> Iterator[float]:
        for attempt in range(self._limits.attempts - 1):
            ceiling_s = min(_PAUSE_S * 3**attempt, _LONGEST_PAUSE_S)
            yield ceiling_s * (0.5 + 0.5 * self._chance())

    def _note(self, error: psycopg.Error) -> None:
        code = error.sqlstate or "none"
        self.retries[code] += 1
        # Not a warning: of an outage, whoever fails in the end tells once.
        _log.debug("Postgres asked again", sqlstate=code)
