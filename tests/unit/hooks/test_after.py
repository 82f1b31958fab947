"""What a command after a restore is told, and what it is not."""

import os
import pty
import select
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from daemons import until
from expokeep.hooks import due
from expokeep.hooks.after import Task, environment, run

TASK = Task(("npm ci",), "shop", 7, 600.0)


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": "postgres://canary"},
        {"R2_SECRET_ACCESS_KEY": "canary"},
        {"CREDENTIALS_DIRECTORY": "/run/canary"},
        {"EXPOKEEP_SOCKET": "/run/canary"},
        {"NEXTAUTH_SECRET": "canary"},
        {"npm_config_//registry.example/:_authToken": "canary"},
        {"NPM_CONFIG__PASSWORD": "canary"},
        {"https_proxy": "http://somebody:canary@proxy.example"},
        {"npm_config_registry": "https://somebody:canary@registry.example/npm"},
        {"LD_PRELOAD": "/tmp/canary.so"},
        {"SSH_AUTH_SOCK": "/tmp/canary"},
        {"NOTIFY_SOCKET": "/run/canary"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_no_credential_is_told(given):
    told = environment({**given, "LANG": "C"}, TASK, None)

    assert "canary" not in str(told)
    assert told["LANG"] == "C"


def test_what_a_registry_takes_is_told():
    given = {
        "https_proxy": "http://proxy.example:8080",
        "npm_config_cache": "/var/cache/npm",
        "PATH": "/opt/node/bin",
    }

    told = environment(given, TASK, None)

    session = {"EXPOKEEP_SESSION": "shop", "EXPOKEEP_VERSION": "7"}
    assert told == {**given, **session}


def test_another_home_takes_the_callers_names_along():
    given = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "TMPDIR": "/root/tmp"}

    told = environment(given, TASK, "/home/ann")

    assert told["HOME"] == "/home/ann"
    assert not {"USER", "LOGNAME", "TMPDIR"} & told.keys()


def test_a_mark_is_of_the_directory_and_of_no_link_to_it(tmp_path):
    place, link = tmp_path / "place", tmp_path / "link"
    place.mkdir()
    link.symlink_to(place)

    due.mark(link)
    assert not due.is_marked(place)

    due.mark(place)
    assert due.is_marked(place)
    assert not due.is_marked(link)
    with due.opened(place) as descriptor:
        due.clear(descriptor)
        due.clear(descriptor)
    assert not due.is_marked(place)


def test_a_program_that_is_not_there_is_named(tmp_path):
    task = Task(("/nowhere/npm", "ci"), "shop", 7, 600.0)

    with due.opened(tmp_path) as descriptor, pytest.raises(FileNotFoundError):
        run(task, descriptor, os.environ)


def test_whoever_does_not_want_to_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("expokeep.hooks.after._KILL_AFTER_S", 0.2)
    task = Task(("trap '' TERM; while :; do sleep 0.1; done",), "shop", None, 0.2)

    with due.opened(tmp_path) as descriptor:
        assert run(task, descriptor, os.environ) is None


def test_nothing_of_a_command_is_left_when_it_has_ended(tmp_path):
    task = Task(("sleep 300 & echo $! > child",), "shop", 7, 60.0)

    with due.opened(tmp_path) as descriptor:
        assert run(task, descriptor, os.environ) == 0

    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}")
    until(lambda: not child.exists(), "its child has ended")


def test_a_command_reads_nothing_of_the_terminal_of_who_restores(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    reading = "read -t 5 word <&2; echo $word > heard"
    line = f"echo ready; {reading}; ls -l /proc/self/fd; exit 0"
    program = (
        "import os; from expokeep.hooks import due; from pathlib import Path\n"
        "from expokeep.hooks.after import Task, run\n"
        f"task = Task(('/bin/bash', '-c', {line!r}), 'shop', 7, 20.0)\n"
        f"with due.opened(Path({str(place)!r})) as descriptor:\n"
        "    run(task, descriptor, os.environ)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", program])
    said = b""
    while b"ready" not in said:
        assert select.select([terminal], [], [], 20)[0]
        said += os.read(terminal, 4096)

    os.write(terminal, b"hunter2\n")
    try:
        while data := os.read(terminal, 4096):
            said += data
    except OSError:
        pass  # Linux says so when the other end is closed
    os.waitpid(pid, 0)
    os.close(terminal)

    assert (place / "heard").read_text() == "\n"
    assert b"/dev/pts" not in said


def test_what_a_command_prints_commands_no_terminal(tmp_path, capsys):
    task = Task((r"printf 'a\tb\r\n\033[2J\nno end'",), "shop", 7, 60.0)

    with due.opened(tmp_path) as descriptor:
        assert run(task, descriptor, os.environ) == 0

    assert capsys.readouterr().err == "a\tb\n\\x1b[2J\nno end\n"


def test_another_user_may_open_what_its_output_is(as_root, tmp_path_factory, capsys):
    place = tmp_path_factory.mktemp("place")
    os.chown(place, 65534, 65534)
    task = Task(("echo once > /dev/stderr; echo twice > /dev/stdout",), "s", 7, 60.0)

    with due.opened(place) as descriptor:
        assert run(task, descriptor, os.environ) == 0

    assert capsys.readouterr().err == "once\ntwice\n"


@pytest.mark.parametrize("gid", [0, 42, 65534])
def test_a_group_that_the_owner_is_not_in_is_given_to_nobody(
    as_root, tmp_path_factory, capsys, gid
):
    place = tmp_path_factory.mktemp("place")
    os.chown(place, 65534, gid)
    task = Task(("id -u; id -g; id -G",), "shop", 7, 60.0)

    with due.opened(place) as descriptor:
        assert run(task, descriptor, os.environ) == 0

    assert capsys.readouterr().err == "65534\n" * 3


def test_a_home_without_end_is_no_fault_of_ours(as_root, tmp_path, monkeypatch):
    # Not of pytest's: another user passes through.
    top = Path(tempfile.mkdtemp(prefix="keep-home-", dir="/tmp"))
    top.chmod(0o755)
    os.chown(tmp_path, 12345, 12345)
    monkeypatch.setattr("tempfile.tempdir", str(top))
    deeper = "[(os.mkdir('d'), os.chdir('d')) for _ in range(2000)]"
    program = f"import os; os.chdir(os.environ['HOME']); {deeper}"
    task = Task(("/usr/bin/python3", "-c", program), "shop", 7, 60.0)

    try:
        with due.opened(tmp_path) as descriptor:
            assert run(task, descriptor, os.environ) == 0
    finally:
        subprocess.run(["rm", "-rf", str(top)], check=True)
