"""A server of Expo on a session that was gone a moment ago: nobody runs npm install."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from daemons import QUICK, SCRIPTS, Daemon
from looking import free_port

HOOK = "npm ci --prefer-offline --no-audit --no-fund"
SETTINGS = f"{QUICK}\nhooks: {{after-restore: {HOOK}}}\n"
TEMPLATE = "expo-template-blank@~53.0.0"
TEMPLATE_S = 900.0
WAITS = re.compile("Waiting on http|Metro waiting on")

pytestmark = [pytest.mark.npm, pytest.mark.timeout(1800)]


def banner(daemon: Daemon, sid: str) -> str:
    """Return what `exec SID -- npx expo start` prints until Metro waits."""
    words = ["npx", "expo", "start", "--port", str(free_port()), "--offline"]
    process = subprocess.Popen(
        [SCRIPTS / "expokeep", "exec", sid, "--", *words],
        env={**daemon._own(), "CI": "1", "EXPO_NO_TELEMETRY": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if WAITS.search(line):
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return "".join(said)


def make_project(place: Path) -> None:
    """Make a blank project and its lock file, as `create-expo-app` does."""
    with tempfile.TemporaryDirectory(prefix="keep-expo-") as top:
        npm("pack", "--silent", TEMPLATE, where=Path(top))
        (archive,) = Path(top).glob("*.tgz")
        shutil.unpack_archive(archive, top, filter="data")
        package = Path(top, "package")
        npm("install", "--package-lock-only", "--no-audit", where=package)
        shutil.move(package, place)


def npm(*words: str, where: Path) -> None:
    done = subprocess.run(
        ["npm", *words],
        cwd=where,
        check=False,
        capture_output=True,
        text=True,
        timeout=TEMPLATE_S,
    )
    assert done.returncode == 0, done.stderr


def test_metro_starts_on_what_was_restored(daemon, site):
    sid, place = site.session()
    make_project(place)
    daemon.ask("save", sid, "--force")
    shutil.rmtree(place)
    daemon.await_end(sid)

    said = banner(daemon, sid)

    assert WAITS.search(said), said
    assert (place / "node_modules/expo/package.json").exists()
