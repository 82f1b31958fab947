"""Without the daemon: what is configured, and how long it may take."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

EXPOKEEP = Path(sys.executable).with_name("expokeep")


@pytest.fixture
def silent_postgres():
    """The directory of a server that lets everybody in and says nothing."""
    directory = Path(tempfile.mkdtemp(prefix="keep-silent-", dir="/tmp"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / ".s.PGSQL.5432"))
        listener.listen()
        yield directory
    shutil.rmtree(directory)


def direct(tmp_path, *words, **environ):
    (tmp_path / "expokeep.yaml").touch()
    return subprocess.run(
        [EXPOKEEP, "--direct", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={
            "PATH": os.environ["PATH"],
            "EXPOKEEP_STATE_DIR": str(tmp_path),
            "EXPOKEEP_CONFIG": str(tmp_path / "expokeep.yaml"),
            **environ,
        },
    )


@pytest.mark.parametrize(
    "words",
    [
        ("log", "shop"),
        ("restore", "shop", "--to", "new"),
        ("exec", "shop", "--to", "new", "--", "true"),
    ],
)
def test_what_is_not_configured_is_named(tmp_path, words):
    ended = direct(tmp_path, *words)

    assert ended.returncode == 78
    assert "set DATABASE_URL" in ended.stderr


def test_time_runs_out_whatever_is_under_way(tmp_path, silent_postgres):
    dsn = f"postgresql://somebody@/somewhere?host={silent_postgres}"

    ended = direct(tmp_path, "log", "shop", "--timeout", "300ms", DATABASE_URL=dsn)

    assert ended.returncode == 124
    assert ended.stderr.startswith("expokeep: error: not done after 0.3 s\nhint: ")
