"""`python -m bench.listing`: how long lists take with 100,000 sessions in the catalog.

Times are of the catalog's own methods, on one connection to a Postgres on this machine:
what a daemon asks before it answers.
"""

import argparse
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg

from bench import report
from bench.machine import describe
from expokeep.catalog.builds import PostgresBuilds, Wanted, Whose
from expokeep.catalog.connection import Database
from expokeep.catalog.postgres import PostgresCatalog
from expokeep.catalog.statistics import PostgresStatistics
from expokeep.embedded.postgres import running_postgres
from expokeep.model.names import SessionId
from expokeep.model.version import VersionRef

BEGIN = "<!-- listing: written by `python -m bench.listing --write`, not by hand -->"
END = "<!-- end of listing -->"
SESSIONS = 100_000
USERS = 2_000
ASKED = 200
_DAYS = 30

_FILL = """
SET search_path = expokeep;
SET expokeep.replaying = 'on';
INSERT INTO scope (name) VALUES ('main') ON CONFLICT DO NOTHING;
INSERT INTO host (id, name, lease_until)
VALUES ('00000000-0000-0000-0000-000000000001', 'bench', now());
INSERT INTO session (sid, scope, owner, project_name, root_uid, root_gid, root_mode,
                     last_seq, host, accessed_at)
SELECT md5(n::text), scope.id, 'user-' || n % {users}, 'My App ' || n, 1000, 1000, 493,
       1, '00000000-0000-0000-0000-000000000001', now() - random() * interval '30 days'
  FROM generate_series(1, {sessions}) AS n, scope;
INSERT INTO epoch (session, number, host, device, inode, birth_ns)
SELECT id, 1, '00000000-0000-0000-0000-000000000001', 1, id, 1 FROM session;
INSERT INTO version (session, seq, epoch, pack, taken_at, trigger, tree, file_count,
                     size_bytes)
SELECT id, 1, 1, gen_random_uuid(), accessed_at, 'auto', sha256(sid::bytea), 40, 400000
  FROM session;
UPDATE session SET head_seq = 1;
"""


def main() -> None:
    """Measure, print, and write into README.md if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.listing", description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    parser.add_argument("--sessions", type=int, default=SESSIONS, metavar="N")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = Path(tempfile.mkdtemp(prefix="expokeep-bench-"))
    work.chmod(0o711)  # as root, the server runs as nobody: it must get through
    try:
        lines = [*describe(work), *_measures(work, options.sessions)]
    finally:
        shutil.rmtree(work)
    text = "\n".join(f"- {line}" for line in lines) + "\n"
    print(text)
    if options.write:
        readme = Path(__file__).parent / "README.md"
        report.write_into(readme, text, (BEGIN, END))


def _measures(work: Path, sessions: int) -> Iterator[str]:
    with (
        running_postgres(work, durable=False) as postgres,
        closing(PostgresCatalog(Database(postgres.dsn))) as catalog,
    ):
        catalog.migrate()
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            filling = _FILL.format(sessions=sessions, users=USERS)
            connection.execute(filling.encode())
            connection.execute("VACUUM ANALYZE")
        yield (
            f"R18, with {sessions:,} sessions of {USERS:,} users, on one connection"
            " (asked: less than 10 ms for a query):"
        )
        yield from _lists(catalog)


def _lists(catalog: PostgresCatalog) -> Iterator[str]:
    builds = PostgresBuilds(catalog.database, _DAYS)
    statistics_of = PostgresStatistics(catalog.database)
    some = catalog.sessions(limit=1)[0].session
    asked: tuple[tuple[str, int, Callable[[int], object]], ...] = (
        (
            "the newest 50 of a user",
            ASKED,
            lambda n: catalog.sessions(owner=f"user-{n}", limit=50),
        ),
        ("the newest 50 of all", ASKED, lambda _: catalog.sessions(limit=50)),
        ("1,000 of all", ASKED, lambda _: catalog.sessions(limit=1000)),
        (
            "those that begin with two digits",
            ASKED,
            lambda n: catalog.sessions(prefix=f"{n % 256:02x}"),
        ),
        ("one by its id", ASKED, lambda _: catalog.session(some)),
        (
            "the head of one",
            ASKED,
            lambda _: catalog.resolve(VersionRef(SessionId(some))),
        ),
        (
            "`expokeep list` of a user, 50 builds",
            ASKED,
            lambda n: builds.listed(Whose(owner=f"user-{n}"), Wanted(limit=50)),
        ),
        ("`expokeep stats`, all sums", 5, lambda _: statistics_of.total()),
        (
            "`expokeep stats --by user`",
            5,
            lambda _: statistics_of.by_user(1000, logical=False),
        ),
    )
    for name, times, ask in asked:
        taken_s = _times_s(ask, times)
        yield (
            f"{name}: {statistics.median(taken_s) * 1e3:.1f} ms in the middle,"
            f" {max(taken_s) * 1e3:.1f} ms at most of {times}."
        )


def _times_s(ask: Callable[[int], object], times: int) -> list[float]:
    """Return how long each took; the first few, in which Postgres plans, left out."""
    taken_s = []
    for number in range(times + 10):
        begin = time.perf_counter()
        ask(number)
        taken_s.append(time.perf_counter() - begin)
    return taken_s[10:]


if __name__ == "__main__":
    main()
