"""The servers behind `expokeepd --embedded`, as their users meet them."""

import contextlib
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
import psycopg
import pytest

from expokeep.embedded.account import account_of
from expokeep.embedded.postgres import running_postgres
from expokeep.embedded.process import end_leftover
from expokeep.embedded.seaweed import running_seaweed
from expokeep.embedded.servers import running_servers
from expokeep.errors import BackendUnreachable, Busy, ConfigError

NOBODY = 65534

A_DAEMON = """
import json, signal, sys, threading
from pathlib import Path
from expokeep.embedded.servers import running_servers

stop = {signal.SIGTERM, signal.SIGINT}

def serve():
    with running_servers(Path(sys.argv[1])) as servers:
        facts = {"dsn": servers.postgres.dsn, "pids": [servers.postgres.pid]}
        facts["pids"].append(servers.seaweed.pid)
        print(json.dumps(facts), flush=True)
        signal.sigwait(stop)

signal.pthread_sigmask(signal.SIG_BLOCK, stop)
if sys.argv[2] == "in main thread":
    serve()
else:
    threading.Thread(target=serve).start()
"""


@pytest.fixture
def state_dir():
    """A directory that every user may pass, and nobody yet owns."""
    parent = Path(tempfile.mkdtemp(prefix="keep-state-", dir="/tmp"))
    parent.chmod(0o777)
    yield parent / "state"
    shutil.rmtree(parent)


@pytest.fixture
def daemon(state_dir):
    """Start a process that runs the servers; by default as who we are."""
    started = []

    def start(*words, thread="in main thread"):
        command = [*words, sys.executable, "-c", A_DAEMON, str(state_dir), thread]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
    # What a killed process left, the next one ends; here, that is us.
    for name in ("postgres", "seaweed"):
        end_leftover(name, state_dir / name, ((signal.SIGKILL, 5.0),))


def is_running(pid):
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return line.rpartition(")")[2].split()[0] != "Z"


def s3_client(seaweed):
    return boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint_url,
        aws_access_key_id=seaweed.access_key_id,
        aws_secret_access_key=seaweed.secret_access_key,
        region_name="auto",
    )


def fill(servers):
    with psycopg.connect(servers.postgres.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    with contextlib.closing(s3_client(servers.seaweed)) as client:
        client.create_bucket(Bucket="kept")
        client.put_object(Bucket="kept", Key="a", Body=b"of last time")


def what_is_there(servers):
    with psycopg.connect(servers.postgres.dsn) as connection:
        (number,) = connection.execute("SELECT number FROM kept").fetchone()
    with contextlib.closing(s3_client(servers.seaweed)) as client:
        body = client.get_object(Bucket="kept", Key="a")["Body"].read()
    return number, body


def listening_addresses(pid):
    """Return the local addresses, as the kernel writes them, where `pid` listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since; listeners stay
            inodes.add(str(descriptor.readlink()))
    addresses = set()
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()
        for line in lines[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                addresses.add(fields[1].partition(":")[0])
    return addresses


def test_an_empty_database_is_the_tests_own(database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE of_mine (id int)")
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchall()

    assert tables == [("of_mine",)]


def test_another_test_sees_nothing_of_it(database_url):
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT to_regclass('of_mine')").fetchone()

    assert row == (None,)


def test_a_restart_keeps_data_and_endpoint(state_dir):
    with running_servers(state_dir) as servers:
        fill(servers)
        before = servers

    with running_servers(state_dir) as servers:
        assert what_is_there(servers) == (42, b"of last time")
        assert servers.postgres.dsn == before.postgres.dsn
        assert servers.seaweed.endpoint_url == before.seaweed.endpoint_url
        assert servers.seaweed.secret_access_key == before.seaweed.secret_access_key


def test_a_killed_daemon_takes_its_servers_along(daemon):
    process, facts = daemon()
    pidfds = [os.pidfd_open(pid) for pid in facts["pids"]]

    process.kill()

    for pidfd in pidfds:
        ended, _, _ = select.select([pidfd], [], [], 10)
        assert ended
        os.close(pidfd)


def test_what_a_killed_daemon_leaves_is_ended_by_the_next(daemon, state_dir):
    # In a thread they cannot be made to end with the process, so they are left.
    process, facts = daemon(thread="in another")
    with psycopg.connect(facts["dsn"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    process.kill()
    process.wait()
    assert all(map(is_running, facts["pids"]))

    with running_servers(state_dir) as servers:
        assert not any(map(is_running, facts["pids"]))
        with psycopg.connect(servers.postgres.dsn) as connection:
            row = connection.execute("SELECT number FROM kept").fetchone()

    assert row == (42,)


def test_an_ordinary_user_runs_them_and_ends_them_quickly(daemon, state_dir):
    # Root's virtual environment may be out of reach for nobody; the one capability
    # reads past that, and is what the real daemon has as well.
    drop = (
        f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --no-new-privs "
        "--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search"
    )
    process, facts = daemon(*(drop.split() if os.geteuid() == 0 else ()))
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in facts["pids"]}
    assert owners == {(state_dir / "postgres").stat().st_uid}
    assert 0 not in owners

    began_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0

    assert time.monotonic() - began_s < 5
    assert not any(map(is_running, facts["pids"]))


def test_a_ctrl_c_of_the_terminal_does_not_reach_the_servers(s3_server):
    assert os.getsid(s3_server.pid) != os.getsid(0)


def test_postgres_listens_on_no_network_at_all(state_dir):
    with running_postgres(state_dir, durable=False) as postgres:
        assert listening_addresses(postgres.pid) == set()


def test_seaweed_listens_on_loopback_only(s3_server):
    assert listening_addresses(s3_server.pid) == {"0100007F"}


def test_the_filer_behind_the_gateway_answers_nobody(s3_server, servers_dir):
    ports = json.loads((servers_dir / "seaweed/ports.json").read_text(encoding="ascii"))
    words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"]
    url = f"http://127.0.0.1:{ports['filer']}/buckets/"
    answer = subprocess.run([*words, url], check=True, capture_output=True, text=True)

    assert answer.stdout == "401"


def test_secrets_are_readable_by_their_user_only(s3_server, servers_dir, state_dir):
    with running_postgres(state_dir, durable=False) as postgres:
        secret_files = [
            state_dir / "postgres/password",
            state_dir / "postgres/log",
            servers_dir / "seaweed/identities.json",
            servers_dir / "seaweed/log",
        ]
        assert {stat.S_IMODE(path.stat().st_mode) for path in secret_files} == {0o600}
        assert stat.S_IMODE(postgres.socket_directory.stat().st_mode) == 0o700
        assert (state_dir / "postgres/password").read_text() not in repr(postgres)
    assert s3_server.secret_access_key not in repr(s3_server)


def test_a_wrong_password_is_refused(state_dir):
    with running_postgres(state_dir, durable=False) as postgres:
        password = (state_dir / "postgres/password").read_text(encoding="ascii")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.dsn.replace(password, "guessed"))


def test_a_second_daemon_on_the_same_state_is_refused(state_dir):
    with (
        running_postgres(state_dir, durable=False),
        pytest.raises(Busy, match="another expokeepd"),
        running_postgres(state_dir, durable=False),
    ):
        pass


def test_data_of_another_major_version_is_refused(state_dir):
    with running_postgres(state_dir, durable=False):
        pass
    (state_dir / "postgres/data/PG_VERSION").write_text("15\n", encoding="ascii")

    with (
        pytest.raises(
            ConfigError, match=r"is of Postgres 15, installed is Postgres 18"
        ),
        running_postgres(state_dir),
    ):
        pass


def test_a_server_that_does_not_come_up_says_why(state_dir):
    with running_postgres(state_dir, durable=False):
        pass
    with (state_dir / "postgres/data/postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")

    with (
        pytest.raises(BackendUnreachable, match='parameter "no_such_setting"'),
        running_postgres(state_dir),
    ):
        pass


def test_a_postmaster_pid_that_names_a_stranger_is_stale(state_dir):
    with running_postgres(state_dir, durable=False):
        pass
    owner = account_of(state_dir / "postgres/data")
    pid_file = state_dir / "postgres/data/postmaster.pid"
    with contextlib.ExitStack() as stack:
        stranger = subprocess.Popen(["sleep", "60"], user=owner.uid)
        stack.callback(stranger.wait)
        stack.callback(stranger.kill)
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n", encoding="ascii")

        with running_postgres(state_dir, durable=False) as postgres:
            assert is_running(postgres.pid)
        assert stranger.poll() is None


def test_a_long_path_still_has_a_socket(state_dir):
    deep = state_dir / ("deep-" * 20)

    with running_postgres(deep, durable=False) as postgres:
        assert postgres.socket_directory.parent == Path("/tmp")
        psycopg.connect(postgres.dsn).close()

    assert not postgres.socket_directory.exists()


def test_a_directory_out_of_reach_is_said_to_be(as_root, state_dir):
    state_dir.mkdir(mode=0o700)

    with (
        pytest.raises(ConfigError, match="cannot enter"),
        running_postgres(state_dir),
    ):
        pass


def record_of(process, home, *, started_later_ticks=0):
    """Write down `process` as the one that was started in `home`."""
    home.mkdir()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    line = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii")
    before, _, after = line.rpartition(")")
    fields = after.split()
    fields[19] = str(int(fields[19]) + started_later_ticks)
    record = f"{boot}{before}) {' '.join(fields)}\n"
    (home / "process").write_text(record, encoding="ascii")


@pytest.mark.parametrize("started_later_ticks", [0, 1])
def test_only_the_process_that_was_started_is_ended(tmp_path, started_later_ticks):
    home = tmp_path / "server"
    with subprocess.Popen(["sleep", "60"]) as process:
        record_of(process, home, started_later_ticks=started_later_ticks)

        end_leftover("server", home, ((signal.SIGTERM, 5.0),))

        pidfd = os.pidfd_open(process.pid)
        ended, _, _ = select.select([pidfd], [], [], 0)
        os.close(pidfd)
        process.kill()
    assert bool(ended) is (started_later_ticks == 0)


def test_seaweed_leaves_no_sockets_in_tmp(state_dir):
    # A server that was killed long ago may have had a port of ours.
    before = set(Path("/tmp").glob("seaweedfs-*.sock"))
    with running_seaweed(state_dir):
        ports = json.loads((state_dir / "seaweed/ports.json").read_text("ascii"))
        sockets = [
            path
            for port in ports.values()
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")
            if path not in before
        ]

    assert len(sockets) == 4
    assert not any(path.exists() for path in sockets)
