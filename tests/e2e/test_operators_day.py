"""The day that docs/RUNBOOK.md tells of, typed line by line into a shell."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from daemons import SCRIPTS, WAIT_S, appear, until
from expokeep.embedded.postgres import _dsn

RUNBOOK = Path(__file__).parents[2] / "docs/RUNBOOK.md"
DAY = RUNBOOK.read_text().split("\n## An ordinary day\n", 1)[1].split("\n## ", 1)[0]
BLOCKS = [
    block.splitlines() for block in re.findall(r"```sh\n(.*?)```", DAY, re.DOTALL)
]
MARK = "-- that was all --"
QUICK = """\
debounce: {quiet: 200ms, max-wait: 1s, deletion-grace: 1s}
"""


class Shell:
    """A shell in which somebody types."""

    def __init__(self, home):
        environment = {
            "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
            "HOME": str(home),
            "TMPDIR": str(home / "projects"),
            "EXPOKEEP_STATE_DIR": str(home / "state"),
            "EXPOKEEP_CONFIG": str(home / "expokeep.yaml"),
            "TZ": "UTC",
        }
        self.process = subprocess.Popen(
            ["bash", "-mu"],
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, line):
        """Run a line; return what it printed. It has to succeed."""
        self.process.stdin.write(f"{line}\necho '{MARK}' $?\n")
        self.process.stdin.flush()
        said = []
        for heard in self.process.stdout:
            if heard.startswith(MARK):
                assert heard.split()[-1] == "0", f"{line}: {heard}{''.join(said)}"
                return "".join(said)
            said.append(heard)
        raise AssertionError(f"the shell ended at {line}: {''.join(said)}")

    def types(self, lines):
        """Run lines; return what each printed."""
        return {line: self.type(line) for line in lines}


@pytest.fixture
def home():
    """A home that the servers' own user may pass through."""
    home = Path(tempfile.mkdtemp(prefix="keep-day-", dir="/tmp"))
    home.chmod(0o755)
    (home / "projects").mkdir()
    (home / "expokeep.yaml").write_text(QUICK)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def shell(home):
    shell = Shell(home)
    yield shell
    # Where the day ended early, its daemon still runs.
    with shell.process.stdin as stdin, contextlib.suppress(BrokenPipeError):
        stdin.write("kill %1 2>/dev/null; wait\n")
        stdin.flush()
    shell.process.wait(WAIT_S)
    shell.process.stdout.close()


def until_versions(postgres, count):
    def found():
        rows = postgres.execute("SELECT count(*) FROM expokeep.version").fetchone()
        return rows[0] >= count

    until(found, f"{count} versions")


def live_through_yesterday(home):
    """Let a project be kept yesterday, with a file that is removed in the evening."""
    place = home / "projects" / "expo-shop-42"
    postgres_home = home / "state" / "postgres"
    password = (postgres_home / "password").read_text()
    running = (postgres_home / "data" / "postmaster.pid").read_text().splitlines()
    sockets = Path(running[4])
    with psycopg.connect(_dsn(sockets, password), autocommit=True) as postgres:
        appear(
            place,
            {
                "package.json": "{}",
                "App.js": "import './src/Checkout'",
                "src/Checkout.js": "export const pay = 1;\n",
                "src/Cart.js": "1",
            },
        )
        until_versions(postgres, 1)
        (place / "App.js").write_text("// more")
        until_versions(postgres, 2)
        (place / "src/Checkout.js").unlink()
        until_versions(postgres, 3)
        for seq, hour in ((1, 14), (2, 16), (3, 18)):
            postgres.execute(
                "UPDATE expokeep.version SET taken_at = date_trunc('day', now())"
                " - interval '1 day' + %s * interval '1 hour' WHERE seq = %s",
                [hour, seq],
            )
    return place


@pytest.mark.long
def test_an_ordinary_day_goes_as_the_runbook_says(shell, home):
    morning, *rest = BLOCKS
    said = shell.types(morning)
    place = live_through_yesterday(home)
    for block in rest:
        said |= shell.types(block)

    assert len(rest) == 5
    assert "state           ok" in said["expokeep status"]
    assert "src/Checkout.js" in said["expokeep find 'Checkout.*' shop-42"]
    assert "~1" in said["expokeep log shop-42 --stat"]
    assert said["cat found/src/Checkout.js"] == "export const pay = 1;\n"
    assert (home / "look/src/Checkout.js").read_text() == "export const pay = 1;\n"
    assert (place / "src/Checkout.js").exists()
    assert "shr-" in said["expokeep share list"]
    assert "$" in said["expokeep cost"]
    assert "all is well" in said["expokeep check"].lower()
    assert "delete" in said["expokeep audit"]
