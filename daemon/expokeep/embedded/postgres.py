"""A real Postgres as a child process: on a Unix socket only, with a password.

There is no TCP port that another local user could knock at. The socket lies beside the
data, in a directory that only the server's user may enter, unless that path is too long
for a socket.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expokeep.embedded.account import Account, account_of, give_directory, give_file
from expokeep.embedded.process import Program, end_leftover, locked, run_to_end, running
from expokeep.embedded.programs import postgres_programs
from expokeep.errors import ConfigError

_USER = "expokeep"
_DATABASE = "postgres"
_PORT = 5432
_SOCKET_PATH_MAX_BYTES = 107
_START_S = 60.0
_INITDB_S = 120.0
_STOP = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast (roll back, checkpoint), then immediate (recover at the next start)."""

_SETTINGS = (
    "listen_addresses=",
    f"port={_PORT}",
    "max_connections=100",
    "log_min_messages=warning",
    "update_process_title=off",
)
_NOT_DURABLE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@dataclass(frozen=True, slots=True)
class Postgres:
    """How to reach a server; its `dsn` holds the password and is not shown."""

    dsn: str = field(repr=False)
    pid: int
    socket_directory: Path


@dataclass(frozen=True, slots=True)
class _Cluster:
    home: Path
    programs: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "data"

    def program(self, name: str, *arguments: str) -> Program:
        return Program(
            path=self.programs / "bin" / name,
            arguments=arguments,
            directory=self.home,
            account=self.account,
            environment={"PATH": os.defpath, "HOME": str(self.home), "LC_ALL": "C"},
            when_orphaned=signal.SIGINT,
        )


@contextlib.contextmanager
def running_postgres(state_dir: Path, *, durable: bool = True) -> Iterator[Postgres]:
    """Run Postgres on the data in `state_dir`, making it the first time.

    `durable=False` is for tests: faster, and a power cut loses everything.

    Raises:
        ConfigError: The extra is missing, the data is of another major version, or the
            server's user cannot reach it.
        Busy: Another daemon runs on this directory.
        BackendUnreachable: The server does not come up.
    """
    home = state_dir / "postgres"
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(home))
        end_leftover("postgres", home, _STOP)
        account = account_of(home / "data")
        cluster = _Cluster(home, postgres_programs(home, account), account)
        password = _password(home / "password")
        _initialize(cluster, password)
        _refuse_other_major(cluster)
        _remove_stale_pid_file(cluster)
        sockets = stack.enter_context(_socket_directory(cluster))
        program = cluster.program("postgres", *_arguments(sockets, durable=durable))
        child = stack.enter_context(running("postgres", home, program, _STOP))
        child.wait_until(lambda: _is_ready(cluster.data, child.pid), _START_S)
        yield Postgres(_dsn(sockets, password), child.pid, sockets)


def _dsn(sockets: Path, password: str) -> str:
    host = urllib.parse.quote(str(sockets), safe="")
    return f"postgresql://{_USER}:{password}@{host}:{_PORT}/{_DATABASE}"


def _arguments(sockets: Path, *, durable: bool) -> list[str]:
    settings = [*_SETTINGS, f"unix_socket_directories={sockets}"]
    settings += () if durable else _NOT_DURABLE
    return ["-D", "data", *(word for line in settings for word in ("-c", line))]


def _password(path: Path) -> str:
    """Return the password, made up the first time."""
    if not path.exists():
        ourselves = Account(os.geteuid(), os.getegid())
        give_file(path, secrets.token_urlsafe(24), ourselves)
    return path.read_text(encoding="ascii")


def _initialize(cluster: _Cluster, password: str) -> None:
    if cluster.data.exists():
        return
    partial = cluster.home / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    give_directory(partial, cluster.account)
    secret = cluster.home / "password.initdb"
    give_file(secret, password, cluster.account)
    arguments = (
        f"--pgdata={partial.name}",
        f"--username={_USER}",
        f"--pwfile={secret.name}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
    )
    run_to_end("initdb", cluster.home, cluster.program("initdb", *arguments), _INITDB_S)
    secret.unlink()
    # Only now, so that a half-made cluster is never taken for a whole one.
    partial.rename(cluster.data)


def _refuse_other_major(cluster: _Cluster) -> None:
    kept = (cluster.data / "PG_VERSION").read_text(encoding="ascii").strip()
    words = subprocess.run(  # noqa: S603 - our own program, no shell
        [cluster.programs / "bin" / "postgres", "--version"],
        capture_output=True,
        check=True,
        text=True,
        timeout=_START_S,
    ).stdout.split()
    installed = words[-1].split(".")[0]
    if kept == installed:
        return
    error = ConfigError(
        f"{cluster.data} is of Postgres {kept}, installed is Postgres {installed}"
    )
    error.hint = (
        f"Install an expokeep[embedded] with Postgres {kept} and dump the data, "
        "or name another --state-dir."
    )
    raise error


def _remove_stale_pid_file(cluster: _Cluster) -> None:
    """Remove a postmaster.pid whose pid now belongs to something else.

    Postgres sees for itself that a pid is gone, but would refuse to start for the sake
    of a stranger. Is it a Postgres (started by hand, as ours was ended before), the
    file stays and Postgres refuses, which is right.
    """
    path = cluster.data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
        pid = int(path.read_text(encoding="utf-8").splitlines()[0])
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        if name != "postgres":
            path.unlink()


@contextlib.contextmanager
def _socket_directory(cluster: _Cluster) -> Iterator[Path]:
    beside_data = cluster.home / "socket"
    longest = beside_data / f".s.PGSQL.{_PORT}.lock"
    if len(os.fsencode(longest)) <= _SOCKET_PATH_MAX_BYTES:
        give_directory(beside_data, cluster.account)
        yield beside_data
        return
    # Only /tmp is surely short. The name is random, the mode 0700.
    with tempfile.TemporaryDirectory(prefix="expokeep-pg-", dir="/tmp") as short:
        os.chown(short, cluster.account.uid, cluster.account.gid)
        yield Path(short)


def _is_ready(data: Path, pid: int) -> bool:
    """Return whether the postmaster says so in the last line of its pid file."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
