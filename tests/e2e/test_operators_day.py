"""The day that docs/RUNBOOK.md tells of, typed line by line into a shell."""

import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from daemons import appear, until
from expokeep.embedded.postgres import _dsn
from shells import blocks, shell_in

BLOCKS = blocks("An ordinary day")
QUICK = """\
debounce: {quiet: 200ms, max-wait: 1s, deletion-grace: 1s}
"""


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
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home / "projects"),
        "EXPOKEEP_STATE_DIR": str(home / "state"),
        "EXPOKEEP_CONFIG": str(home / "expokeep.yaml"),
        "TZ": "UTC",
    }
    with shell_in(home, environment) as shell:
        yield shell


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
