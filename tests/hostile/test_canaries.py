"""No secret is where it need not be: a day's work and its failures, and then a search.

Whatever the daemon and its command line print, log, serve, write, or show of themselves
is looked through for secrets that are easy to recognize.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from asking_raw import answer
from canaries import Aviary, descendants, files_below, rows_of, shown_of
from daemons import Daemon, appear, daemon_on, until
from looking import free_port

FAILING = Path(__file__).parents[1] / "failing_program.py"
SEEN = ["/usr", "/bin", "/sbin", "/lib", "/lib64", os.path.realpath(sys.base_prefix)]
HOOK = f"{os.path.realpath(sys.executable)} -c 'sum(range(4_000_000))'; env; ls -R"
CLOSED = "http://127.0.0.1:9"
"""Nobody listens on the port of `discard`."""

SETTINGS = """\
debounce: {{quiet: 200ms, max-wait: 1s, deletion-grace: 1s}}
storage: {{retries: 0, secret-access-key-file: {key_file}}}
sharing: {{pepper: {pepper}}}
shutdown: {{flush-timeout: 2s}}
heartbeat-url: {heartbeat}
addr: {addr}
logging: {{level: debug}}
hooks: {{on-version: {hook}, timeout: 20s, readable: {readable}}}
webhooks:
  - {{url: "{webhook}", events: ["*"], secret: {webhook_secret}}}
"""

ASKED = """
info status doctor db sessions builds deleted quota events audit webhooks
shares?all=true most-shared templates publications stats cost exports/terms find?glob=*
"""

IN_SESSIONS = ("env file",)
"""What is kept in sessions, and so where contents are."""


@dataclass
class Day:
    """A daemon whose every secret is a canary, and all that came of a day with it."""

    daemon: Daemon
    aviary: Aviary
    addr: str
    said: dict[str, str | bytes] = field(default_factory=dict)

    def cli(self, *words, **options):
        """Run the command line, and note what it printed."""
        done = self.daemon.cli(*words, **options)
        self.said[f"expokeep {' '.join(words)}"] = done.stdout + done.stderr
        return done

    def told_once(self, *words, **options):
        """Run what is to print a secret; what it printed is returned, not noted."""
        done = self.daemon.cli(*words, **options)
        assert done.returncode == 0, done.stderr + self.daemon.story
        self.said[f"expokeep {' '.join(words)} (stderr)"] = done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def kept(self, name, files):
        sid, place = self.daemon.site.session(name)
        appear(place, files)
        self.daemon.await_versions(sid, 1)
        return sid


@contextlib.contextmanager
def a_role(server_dsn: str, password: str):
    """Make somebody who may all in Postgres, and has a password."""
    name = f"canary_{os.getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )
        try:
            yield name
        finally:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = %s",
                [name],
            )
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def url_of(dsn: str, user: str, password: str) -> str:
    """Return a URL by which somebody reaches a database."""
    at = conninfo_to_dict(dsn)
    where = "&".join(
        f"{key}={quote(at[key], safe='')}" for key in ("host", "port") if at.get(key)
    )
    return f"postgresql://{user}:{quote(password, safe='')}@/{at['dbname']}?{where}"


@contextlib.contextmanager
def watched_in_proc(day):
    """Note what /proc shows of every process that the daemon begins meanwhile."""
    over, seen = threading.Event(), set()

    def look():
        while not over.wait(0.01):
            for child in descendants(day.daemon.pid):
                shown = shown_of(child)
                day.said.update({f"/proc/{name}": said for name, said in shown.items()})
                seen.update(shown)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def served(url):
    """Return what a machine is answered, whatever its status."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.read()


@pytest.fixture(scope="module")
def day(prepare_site, postgres_server):
    aviary = Aviary()
    password = aviary.made("database password", "-@/:%'x")
    with (
        prepare_site() as site,
        a_role(postgres_server.dsn, password) as role,
    ):
        aviary.canaries["secret access key"] = site.seaweed.secret_access_key
        aviary.canaries["access key id"] = site.seaweed.access_key_id
        key_file = site.top / "secret-access-key"
        key_file.write_text(site.seaweed.secret_access_key)
        key_file.chmod(0o600)
        addr = f"127.0.0.1:{free_port()}"
        settings = SETTINGS.format(
            key_file=key_file,
            pepper=aviary.made("pepper"),
            heartbeat=f"{CLOSED}/{aviary.made('heartbeat')}",
            addr=addr,
            hook=json.dumps(HOOK),
            readable=json.dumps(SEEN),
            webhook=f"{CLOSED}/{aviary.made('webhook path')}?k={aviary.made('query')}",
            webhook_secret=aviary.made("webhook secret"),
        )
        temporary = site.top / "tmp"
        temporary.mkdir(mode=0o700)
        with daemon_on(
            site,
            settings=settings,
            before=(sys.executable, str(FAILING)),
            environment={
                "DATABASE_URL": url_of(site.database_url, role, password),
                "TMPDIR": str(temporary),
                "EXPOKEEP_ADDR": addr,
                # What is public is not signed then.
                "R2_PUBLIC_URL": CLOSED,
            },
        ) as daemon:
            daemon.start()
            day = Day(daemon, aviary, addr)
            with watched_in_proc(day) as processes:
                _work(day)
                _fail(day, role, postgres_server.dsn)
                _ask(day)
            assert processes, "no child of the daemon was seen"
            daemon.process.send_signal(signal.SIGABRT)
            assert daemon.wait() == -signal.SIGABRT
            day.said |= files_below(daemon.state, temporary)
            day.said |= rows_of(site.database_url)
            day.said["log"] = daemon.log
            yield day


def _work(day):
    """Do what people do with secrets, all of which succeeds."""
    env = day.aviary.made("env file")
    sid = day.kept("shop", {"App.js": "1", ".env": f"API_KEY={env}\n"})
    day.cli("save", sid, "--user", "ann", "-m", "a message")
    password = day.aviary.made("share password")
    lent = day.told_once(
        *("share", "create", sid, "--allow-secrets", "--password-stdin", "--json"),
        input=f"{password}\n",
    )
    day.aviary.canaries["share token"] = token = lent["token"]
    for given in (password, f"{password} not"):
        day.cli("share", "import", "-", "--password-stdin", input=f"{token}\n{given}\n")
    day.cli("share", "show", token)
    day.cli("share", "audit", lent["share"]["share"])
    link = day.told_once("plan", sid, "--json")["url"]
    signature = dict(
        pair.partition("=")[::2] for pair in urlsplit(link).query.split("&")
    )["X-Amz-Signature"]
    day.aviary.canaries["signature"] = signature
    assert served(link)
    day.cli("publish", "create", sid)
    day.cli("share", "revoke", token)
    day.cli("webhooks", "test")
    git = f"https://me:{day.aviary.made('git password')}@{CLOSED.split('/')[2]}/x.git"
    day.cli("import", "--from-git", git, "--session", "from-git")
    token_alone = f"https://{day.aviary.made('git token')}@127.0.0.1:9/x.git"
    day.cli("import", "--from-git", token_alone, "--session", "from-git-2")


def _fail(day, role, server_dsn):
    """Let everything fail that can."""
    site, daemon = day.daemon.site, day.daemon
    day.cli("drain")
    sid, place = site.session("failing")
    appear(place, {"App.js": "1"})
    until(lambda: "work failed" in daemon.log, "a worker fails")
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        alter = sql.SQL("ALTER ROLE {} PASSWORD 'another'").format(sql.Identifier(role))
        connection.execute(alter)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
            [role],
        )
    day.cli("log", sid)
    day.cli("status")
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        password = day.aviary.canaries["database password"]
        back = sql.SQL("ALTER ROLE {} PASSWORD {}")
        connection.execute(back.format(sql.Identifier(role), sql.Literal(password)))
    site.relay.script = lambda _request: "reset"
    sid, place = site.session("unlucky")
    appear(place, {"App.js": "1"})
    daemon.await_spooled(sid, 1)
    day.cli("save", sid, "--timeout", "2s")
    day.cli("plan", sid)
    site.relay.script = lambda _request: None


def _ask(day):
    """Ask everything that can be asked."""
    for words in (
        ("config", "show", "--sources"),
        ("doctor",),
        ("status",),
        ("events",),
        ("sessions", "--direct", "-vv"),
    ):
        day.cli(*words)
    socket_path = str(day.daemon.state / "control.sock")
    for path in ASKED.split():
        asked = {"method": "GET", "target": f"/v1/{path}"}
        day.said[path] = answer(socket_path, asked)["body"]
    for path in ("check", "reload", "webhooks/retry", "forget"):
        asked = {"method": "POST", "target": f"/v1/{path}", "body": {"dry_run": True}}
        day.said[path] = answer(socket_path, asked)["body"]
    for path in ("metrics", "healthz", "readyz", "nothing"):
        day.said[f"GET /{path}"] = served(f"http://{day.addr}/{path}")


def test_no_secret_is_where_it_need_not_be(day):
    """Contents of sessions are in what is kept of them, and nowhere else."""
    spool = f"{day.daemon.state}/spool/"
    kept = {place for place in day.said if place.startswith(spool)}
    elsewhere = {place: said for place, said in day.said.items() if place not in kept}
    in_what_is_kept = {place: day.said[place] for place in kept}

    assert day.aviary.seen(elsewhere) == []
    assert day.aviary.seen(in_what_is_kept, but=IN_SESSIONS) == []


def test_the_day_was_as_eventful_as_it_should_be(day):
    log = day.said["log"]

    assert "a worker with" in log
    assert "a request with" in log
    assert "Traceback (most recent call last)" in log
    assert "password authentication failed" in log
    assert "Fatal Python error: Aborted" in log
    assert "File " in log.partition("Fatal Python error")[2]
    assert '"hook.done"' in day.said["events"]
    assert "expokeep_" in day.said["GET /metrics"].decode()
    assert len(day.aviary.canaries) == 14
