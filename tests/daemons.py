"""The real daemon as a real process, and everything around it that a test needs.

A `Site` is what an operator prepares: a directory, a database, a bucket. A `Daemon` is
a process on it, told where everything is by its environment, as in production; what it
says to systemd is heard on a real NOTIFY_SOCKET.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psycopg
from psycopg.rows import dict_row

from databases import fresh_database
from expokeep.embedded.seaweed import Seaweed
from expokeep.store.s3 import S3Settings, create_bucket
from relays import Relay, relay_to

SCRIPTS = Path(sys.executable).parent
WAIT_S = 30.0
"""For what must come; a machine may be busy."""
LOOK_EVERY_S = 0.02
NOBODY = 65534

QUICK = """\
debounce: {quiet: 200ms, max-wait: 1s, deletion-grace: 1s}
storage: {retries: 2, retry-max-delay: 500ms}
shutdown: {flush-timeout: 10s}
"""
"""Settings of a daemon that settles sooner than a person would want."""

Answer = TypeVar("Answer")


def until(ask: Callable[[], Answer], what: str, timeout_s: float = WAIT_S) -> Answer:
    """Ask until the answer is true, and return it."""
    pace, deadline_s = threading.Event(), time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < deadline_s, f"{what}: not within {timeout_s:g} s"
        pace.wait(LOOK_EVERY_S)
    return answer


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, however it ends."""
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=WAIT_S, **options
    )


def as_nobody(*more: str) -> tuple[str, ...]:
    """Return the words before a command that make it an ordinary user's.

    Root's virtual environment may be out of reach for nobody; the one capability reads
    past that, and is what the real daemon has as well. Who is no root is nobody enough.
    """
    if os.geteuid() != 0:
        return more
    return (
        *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        *("--no-new-privs", "--inh-caps=-all,+dac_read_search"),
        *("--ambient-caps=-all,+dac_read_search", *more),
    )


@dataclass(frozen=True, slots=True)
class Site:
    """What a daemon finds: a place on disk, an empty catalog and an empty bucket."""

    top: Path
    database_url: str = field(repr=False)
    bucket: str
    seaweed: Seaweed
    relay: Relay

    @property
    def watch(self) -> Path:
        """Where sessions are made; any user may."""
        return self.top / "watch"

    def environment(self) -> dict[str, str]:
        """Return what an operator would set."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EXPOKEEP_", "R2_", "DATABASE_URL", "AWS_"))
        }
        return {
            **kept,
            "EXPOKEEP_ADDR": "off",  # many at once on one host
            "DATABASE_URL": self.database_url,
            "R2_ENDPOINT": self.relay.url,
            "R2_BUCKET_NAME": self.bucket,
            "R2_ACCESS_KEY_ID": self.seaweed.access_key_id,
            "R2_SECRET_ACCESS_KEY": self.seaweed.secret_access_key,
        }

    def session(self, name: str = "s") -> tuple[str, Path]:
        """Return the id of a session that nobody has used yet, and its directory."""
        sid = f"{name}-{uuid.uuid4().hex[:12]}"
        return sid, self.watch / f"expo-{sid}"

    def asking(self) -> AbstractContextManager[Any]:
        """Give an S3 client of another make: what is in the bucket, past the relay."""
        return contextlib.closing(
            boto3.client(
                "s3",
                endpoint_url=self.seaweed.endpoint_url,
                region_name="auto",
                aws_access_key_id=self.seaweed.access_key_id,
                aws_secret_access_key=self.seaweed.secret_access_key,
            )
        )

    def versions(self, sid: str) -> list[dict[str, Any]]:
        """Return the rows of a session, oldest first, straight from Postgres."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(
                "SELECT v.* FROM expokeep.version v JOIN expokeep.session s"
                " ON s.id = v.session WHERE s.sid = %s ORDER BY seq",
                (sid,),
            ).fetchall()


@contextlib.contextmanager
def site(server_dsn: str, template: str, seaweed: Seaweed) -> Iterator[Site]:
    """Prepare a site on servers that others use as well."""
    bucket = f"site-{uuid.uuid4().hex}"
    keys = (seaweed.access_key_id, seaweed.secret_access_key)
    create_bucket(S3Settings(seaweed.endpoint_url, bucket, *keys))
    top = Path(tempfile.mkdtemp(prefix="keep-site-", dir="/tmp"))
    top.chmod(0o777)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, top, ignore_errors=True)
        database_url = stack.enter_context(fresh_database(server_dsn, template))
        relay = stack.enter_context(relay_to(seaweed.endpoint_url))
        made = Site(top, database_url, bucket, seaweed, relay)
        made.watch.mkdir()
        made.watch.chmod(0o777)
        yield made


class ServiceManager:
    """Listens where systemd would, and writes down what it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._news = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o777)
        self._thread = threading.Thread(target=self._listen, name="service manager")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_S)
        self._socket.close()
        self.path.unlink()

    def wait_for(self, words: str, times: int = 1, timeout_s: float = WAIT_S) -> bool:
        """Wait until something was said so often; return whether it was."""

        def was_said() -> bool:
            return sum(words in told for told in self.heard) >= times

        with self._news:
            return self._news.wait_for(was_said, timeout_s)

    def _listen(self) -> None:
        while told := self._socket.recv(65536):
            with self._news:
                self.heard.append(told.decode())
                self._news.notify_all()


class Daemon:
    """One daemon on a site, over as many processes as a test starts."""

    def __init__(
        self,
        site: Site,
        name: str = "one",
        *,
        settings: str = QUICK,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.site = site
        self.state = site.top / name
        self.config = site.top / f"{name}.yaml"
        self.environment = {**site.environment(), **(environment or {})}
        self.before = tuple(before)
        self.manager = ServiceManager(site.top / f"{name}.notify")
        self.process: subprocess.Popen[bytes] | None = None
        self._log = site.top / f"{name}.log"
        self.configure(settings)

    def configure(self, settings: str) -> None:
        """Write the file that the next start reads."""
        self.config.write_text(settings)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """All that its processes have printed."""
        return self._log.read_text(errors="replace")

    @property
    def story(self) -> str:
        """The end of the log: what the reader of a failed test wants to see."""
        return self.log[-4000:]

    def start(self, *flags: str, crash: str = "", ready: bool = True) -> None:
        """Start a process; wait until it says that it is ready."""
        before = sum("READY=1" in told for told in self.manager.heard)
        self.process = self.launch(*flags, crash=crash)
        if ready:
            assert self.manager.wait_for("READY=1", before + 1), self.story

    def launch(self, *flags: str, crash: str = "") -> subprocess.Popen[bytes]:
        """Start a process on the same state directory, and return at once."""
        command = [*self.before, str(SCRIPTS / "expokeepd"), "-c", str(self.config)]
        command += ["--watch-dir", str(self.site.watch), *flags]
        environment = {**self._own(), "NOTIFY_SOCKET": str(self.manager.path)}
        if crash:
            environment["EXPOKEEP_CRASH"] = crash
        with self._log.open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def run(self, *flags: str) -> subprocess.CompletedProcess[str]:
        """Run a process of the daemon that ends by itself."""
        command = [*self.before, str(SCRIPTS / "expokeepd"), *flags]
        return run(command, env=self._own())

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it without a word."""
        assert self.process is not None
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        assert self.process is not None
        code = self.process.wait(WAIT_S)
        self.process = None
        return code

    def restart(self) -> None:
        """End it in an orderly way, and start it again."""
        assert self.stop() == 0, self.story
        self.start()

    def close(self) -> None:
        """End whatever still runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.manager.stop()

    def cli(
        self, *words: str | Path, before: Sequence[str] = (), **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run `expokeep WORDS` to its end."""
        command = [*before, str(SCRIPTS / "expokeep"), *map(str, words)]
        return run(command, env=self._own(), **options)

    def begin(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start `expokeep WORDS`, and return at once."""
        command = [str(SCRIPTS / "expokeep"), *map(str, words)]
        return subprocess.Popen(
            command,
            env=self._own(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self, *words: str | Path, code: int = 0) -> list[dict[str, Any]]:
        """Return what `expokeep WORDS --json` prints."""
        done = self.cli(*words, "--json")
        assert done.returncode == code, f"{done.stderr}\n{done.stdout}\n{self.story}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, *words: str | Path) -> dict[str, Any]:
        """Return the document that `expokeep WORDS --json` ends with."""
        return self.lines(*words)[-1]

    def spooled(self, sid: str) -> int:
        """Return how many sealed snapshots of a session wait on its disk."""
        return len(list((self.state / "spool").glob(f"{sid}/0*")))

    def await_spooled(self, sid: str, count: int) -> None:
        """Wait until so many do."""
        until(lambda: self.spooled(sid) == count, f"{count} snapshots are sealed")

    def await_versions(
        self, sid: str, count: int, timeout_s: float = WAIT_S
    ) -> list[dict[str, Any]]:
        """Wait until a session has so many versions, and return their rows."""
        try:
            return until(
                lambda: rows if len(rows := self.site.versions(sid)) >= count else None,
                f"{count} versions of {sid}",
                timeout_s,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story}") from error

    def await_end(self, sid: str) -> None:
        """Wait until a session has no directory any more, as far as it knows."""

        def is_listed() -> bool:
            listed = self.ask("status")["sessions"]
            return any(one["session"] == sid for one in listed)

        until(lambda: not is_listed(), f"{sid} ended")

    def _own(self) -> dict[str, str]:
        return {**self.environment, "EXPOKEEP_STATE_DIR": str(self.state)}


@contextlib.contextmanager
def daemon_on(site: Site, name: str = "one", **options: Any) -> Iterator[Daemon]:
    """Give a daemon that has not been started; whatever runs of it at the end is ended.

    Options are those of `Daemon`.
    """
    daemon = Daemon(site, name, **options)
    daemon.manager.start()
    try:
        yield daemon
    finally:
        daemon.close()


def write(top: Path, files: Mapping[str, bytes | str]) -> None:
    """Write files below a directory, which is made if it is missing."""
    for name, contents in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)


def appear(top: Path, files: Mapping[str, bytes | str]) -> None:
    """Make a project elsewhere, and move it to its place in one step."""
    elsewhere = top.parent / f".making-{top.name}"
    write(elsewhere, files)
    elsewhere.rename(top)


def storm(top) -> None:
    """Make so many events that whoever reads them is behind for a while."""
    files = [top / "one", top / "other"]
    for one in files:
        one.touch()
    for number in range(10_000):
        os.utime(files[number % 2])


def digests(top: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a directory, by relative path."""
    return {
        str(path.relative_to(top)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(top.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def differences(one: Path, other: Path) -> str:
    """Return what `diff -r` says; nothing if two trees are equal."""
    command = ["diff", "-r", "--no-dereference", str(one), str(other)]
    done = run(command)
    return done.stdout + done.stderr
