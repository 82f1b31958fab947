"""`exec` becomes its command, or never starts it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXPOKEEP = Path(sys.executable).with_name("expokeep")
SAY = "echo $$ $PWD; cat App.js; exit 3"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "expo-shop"


def start(*words):
    return subprocess.Popen(
        [EXPOKEEP, "exec", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_has_the_pid_the_directory_and_the_last_word(daemon, target):
    process = start("shop", "--to", target, "--", "sh", "-c", SAY)
    out, _ = process.communicate(timeout=20)

    assert out == f"{process.pid} {target}\nhi\n"
    assert process.returncode == 3


def test_a_command_is_told_when_its_reader_leaves(daemon, target):
    process = start("shop", "--to", target, "--", "grep", "SigIgn", "/proc/self/status")
    out, _ = process.communicate(timeout=20)

    ignored = int(out.split()[1], 16)
    assert not ignored & 1 << (signal.SIGPIPE - 1)


def test_a_directory_in_use_is_left_as_it_is(daemon, target):
    target.mkdir()
    (target / "App.js").write_text("mine\n")

    out, _ = start("shop", "--to", target, "--", "cat", "App.js").communicate(
        timeout=20
    )

    assert out == "mine\n"


def test_a_directory_in_use_starts_while_the_daemon_is_away(target):
    target.mkdir()
    (target / "App.js").write_text("mine\n")
    nobody = target.parent / "none.sock"

    process = start("shop", "--socket", nobody, "--to", target, "--", "cat", "App.js")
    out, _ = process.communicate(timeout=20)

    assert (out, process.returncode) == ("mine\n", 0)


def test_stdout_belongs_to_the_command_also_with_json(daemon, target):
    process = start("shop", "--json", "--to", target, "--", "echo", "mine")
    out, _ = process.communicate(timeout=20)

    assert out == "mine\n"


def test_the_command_never_starts_after_a_restore_that_failed(daemon, target):
    daemon.damage = b"xx\n"
    daemon.files = {b"App.js": b"hi\n"}

    process = start("shop", "--to", target, "--", "echo", "started")
    out, err = process.communicate(timeout=20)

    assert (out, process.returncode) == ("", 15)
    assert "expokeep: error: " in err


def test_nothing_kept_is_code_10(daemon, target):
    process = start("other", "--to", target, "--", "echo", "started")
    out, _ = process.communicate(timeout=20)

    assert (out, process.returncode) == ("", 10)


def test_a_command_that_is_not_there_is_named(daemon, target):
    process = start("shop", "--to", target, "--", "no-such-command")
    _, err = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "no-such-command" in err


def test_another_version_can_be_named_by_its_number(daemon, target):
    process = start("shop", "--version", "17", "--to", target, "--", "true")
    process.communicate(timeout=20)

    assert process.returncode == 0
    assert daemon.asked == ["shop@17"]
