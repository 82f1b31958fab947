"""No secret is where it need not be: a day's work and its failures, and then a search.

Whatever the daemon and its command line print, log, serve, write, or show of themselves
is looked through for secrets that are easy to recognize.
"""

import contextlib
import json
import os
import re
import signal
import socket
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
from daemons import Daemon, appear, as_nobody, daemon_on, run, until
from expokeep.errors import ConfigError
from expokeep.settings.load import load

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


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


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
        addr = f"127.0.0.1:{a_free_port()}"
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
    day.said["drain"] = day.cli("drain").stderr
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
    kept = {
        place
        for place in day.said
        if place.startswith(tuple(f"{day.daemon.state}/{top}/" for top in ("spool",)))
    }
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


MISTAKES = """\
storage: {{endpoint: {0}}}
storage: {{access-key-id: "{0} {0}"}}
storage: {{secret-access-key: "{0} {0}"}}
storage: {{secret-access-kee: {0}}}
storage: {{bucket: {0}_}}
storage: {{region: {0}_}}
storage: {{concurrency: {0}}}
storage: {{{0}: secret-access-key}}
storage: {0}
storage: {{endpoint: "https://me:{0}@host"}}
storage: {{endpoint: "http://host/?token={0}"}}
storage: {{secret-access-key-file: {0}}}
storage: {{secret-access-key-file: [{0}]}}
database: {{url: {0}}}
database: {{url: "mysql://me:{0}@host/db"}}
database: {{url: "postgresql://me:{0}/x@host/db"}}
database: {{schema: "{0}"}}
sharing: {{pepper: "{0} "}}
sharing: {{url-base: "https://{0}@host"}}
webhooks: [{{url: "ftp://host/{0}"}}]
webhooks: [{{url: "https://host/{0}", secret: "a b {0}"}}]
heartbeat-url: "ftp://host/{0}"
addr: {0}
debounce: {{quiet: {0}}}
watch: [{{user: "\\t{0}"}}]
secret-access-key: {0}
{0}
"{0}: [
storage: {{secret-access-key: *{0}}}
storage: {{secret-access-key: !{0} [x]}}
"""


@pytest.mark.parametrize("mistake", MISTAKES.splitlines())
def test_no_mistake_in_the_configuration_says_a_secret(mistake, tmp_path):
    aviary = Aviary()
    secret = aviary.made("mistake")
    file = tmp_path / "expokeep.yaml"
    file.write_text(mistake.format(secret))

    with pytest.raises(ConfigError) as caught:
        load(path=file, environ={}, flags={"state-dir": tmp_path})

    assert aviary.seen({"error": f"{caught.value}\n{caught.value.hint}"}) == []


BRIEF = """\
debounce: {quiet: 100ms, max-wait: 1s}
storage: {retries: 0}
shutdown: {flush-timeout: 1s}
logging: {level: debug}
"""


def bad_starts(site, aviary):
    """Return what is wrong with a start, and what it needs for that."""
    at = conninfo_to_dict(site.database_url)
    words = f"host={at['host']} dbname={at['dbname']} user={at['user']}"
    return {
        "keys of another, and a password that is wrong": {
            "R2_ACCESS_KEY_ID": aviary.made("another id"),
            "R2_SECRET_ACCESS_KEY": aviary.made("another key"),
            "DATABASE_URL": f"{words} password='{aviary.made('password of words')}'",
        },
        "a wrong password of the environment, and no such endpoint": {
            "R2_ENDPOINT": "http://nowhere.invalid",
            "DATABASE_URL": words,
            "PGPASSWORD": aviary.made("password of the environment"),
        },
        "no such host": {
            "DATABASE_URL": f"postgresql://me:{aviary.made('dns')}@nowhere.invalid/db"
        },
    }


def test_no_start_that_fails_says_a_secret(prepare_site):
    aviary = Aviary()
    with prepare_site() as site, contextlib.ExitStack() as stack:
        (site.watch / "expo-shop").mkdir()
        (site.watch / "expo-shop" / "App.js").write_text("1")
        begun = {}
        for number, (name, wrong) in enumerate(bad_starts(site, aviary).items()):
            daemon = stack.enter_context(
                daemon_on(
                    site,
                    f"bad{number}",
                    settings=BRIEF,
                    environment=wrong,
                )
            )
            daemon.process = daemon.launch("--once")
            begun[name] = daemon
        codes = {name: daemon.wait() for name, daemon in begun.items()}
        logs = {name: daemon.log for name, daemon in begun.items()}

    assert all(code != 0 for code in codes.values()), codes
    assert all("error" in log for log in logs.values())
    assert aviary.seen(logs) == []


PRYING = """
import os, sys, socket
pid = sys.argv[1]
for name in ("environ", "mem", "maps", "auxv", "io", "stack", "syscall"):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            file.read(1)
        print("could read", name)
    except OSError:
        pass
for name in ("fd", "fdinfo", "map_files"):
    try:
        names = os.listdir(f"/proc/{pid}/{name}")
        print("could list", name, names)
    except OSError:
        pass
import ctypes
libc = ctypes.CDLL(None)
if libc.ptrace(16, int(pid), 0, 0) == 0:
    print("could trace it")
print("tried as", os.geteuid())
"""


def test_a_process_of_the_same_user_cannot_look_into_the_daemon(prepare_site):
    with (
        prepare_site() as site,
        daemon_on(site, before=as_nobody()) as daemon,
    ):
        daemon.start()
        without_rights = [word for word in as_nobody() if "=-all,+" not in word]
        tried = run(
            [*without_rights, "/usr/bin/python3", "-I", "-c", PRYING, str(daemon.pid)]
        )
        # Nor one with the daemon's capability, who may list what a mode forbids.
        alike = run(
            [*as_nobody(), "/usr/bin/python3", "-I", "-c", PRYING, str(daemon.pid)]
        )
        limits = Path(f"/proc/{daemon.pid}/limits").read_text()

        uid = os.geteuid() or 65534
        assert tried.stdout == f"tried as {uid}\n", tried.stderr
        assert alike.stdout.endswith(f"tried as {uid}\n"), alike.stderr
        assert not re.search("could (read|trace)", alike.stdout), alike.stdout
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert daemon.stop() == 0, daemon.story
