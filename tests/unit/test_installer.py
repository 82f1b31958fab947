"""What the installer refuses before it does anything."""

import os
import subprocess
from pathlib import Path

import pytest

from daemons import run

INSTALLER = Path(__file__).parents[2] / "systemd/install.sh"


def install(top: Path, python: Path | str, verb: str = "install"):
    environment = {**os.environ, "DESTDIR": str(top / "root"), "PYTHON": str(python)}
    return run(["sh", str(INSTALLER), verb], env=environment)


def python_that(path: Path, body: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_python_that_is_missing_is_named(tmp_path):
    done = install(tmp_path, "/nowhere/python3")

    assert done.returncode == 1
    assert "/nowhere/python3 is missing" in done.stderr
    assert not list(tmp_path.rglob("expokeep*"))


def test_a_python_that_is_too_old_is_told(tmp_path):
    old = '[ "$1" = -V ] && echo Python 3.9.2 && exit; exit 1'

    done = install(tmp_path, python_that(tmp_path / "python3", old))

    assert done.returncode == 1
    assert "is Python 3.9.2, and expokeep needs 3.11" in done.stderr


def test_a_python_in_a_closed_home_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    program = home / "python3"
    os.symlink(os.path.realpath("/usr/bin/python3"), program)
    # Where it says that it is counts, as for one that was built there.
    wrapper = (
        'case "$1" in -) exec /usr/bin/python3 -c '
        f"'import sys; sys.executable = \"{home}/real\"; exec(sys.stdin.read())';; "
        'esac; exec /usr/bin/python3 "$@"'
    )
    python_that(home / "real", wrapper)
    home.chmod(0o700)

    done = install(tmp_path, home / "real")

    assert done.returncode == 1
    assert "is closed to them" in done.stderr
    assert "SYSTEM_PYTHON=" in done.stderr


@pytest.mark.parametrize(
    "line",
    ["t /usr", "t /usr/local/lib/expokeep-releases/../..", "f /../etc/passwd", "x /a"],
)
def test_a_manifest_that_names_too_much_is_refused(tmp_path, line):
    manifest = tmp_path / "root/usr/local/share/expokeep/manifest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(f"{line}\n")
    kept = tmp_path / "root/usr/kept"
    kept.write_text("")

    done = install(tmp_path, "/usr/bin/python3", "uninstall")

    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert kept.exists()


def test_nothing_of_where_it_is_started_is_run(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    for name in ("venv", "ensurepip", "os", "pathlib", "pip"):
        (place / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    # As far as the environment that the installer builds in.
    program = 'case "$1$2" in -mvenv) exit 9;; esac; exec /usr/bin/python3 "$@"'
    environment = {
        **os.environ,
        "DESTDIR": str(tmp_path / "root"),
        "PYTHON": str(python_that(tmp_path / "python3", program)),
    }

    done = subprocess.run(
        ["sh", str(INSTALLER), "install"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert not (tmp_path / "run").exists(), done.stderr
