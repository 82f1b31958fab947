import json
import os
import subprocess
import sys
from urllib.parse import quote

import pytest

from expokeep.history.documents import DbStatus


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("EXPOKEEP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("EXPOKEEP_CONFIG", str(tmp_path / "expokeep.yaml"))
    (tmp_path / "expokeep.yaml").write_text("")


def test_the_schema_is_told(run, asked):
    asked.answers["/v1/db"] = DbStatus(found=1, known=2, pending=("0002_more",))

    assert run("db", "status").out == "schema 1, known 2\npending: 0002_more\n"
    assert json.loads(run("db", "status", "--json").out)["known"] == 2


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_without_a_database_there_is_nothing_to_migrate(run, words):
    ended = run("db", "migrate", *words)

    assert ended.code == 78
    assert "DATABASE_URL" in ended.err
    assert "CREDENTIALS_DIRECTORY=/etc/expokeep/credentials" in ended.err


def test_a_postgres_that_is_away_is_told_in_one_line_and_a_hint(tmp_path):
    environ = {
        **os.environ,
        "DATABASE_URL": f"postgresql://me@{quote(str(tmp_path), safe='')}/db",
    }
    command = [sys.executable, "-c", "from expokeep.cli.main import main; main()"]

    ended = subprocess.run(
        [*command, "db", "migrate", "--dry-run"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    told, hint = ended.stderr.splitlines()
    assert ended.returncode == 17
    assert told.startswith("expokeep: error: Postgres: connection is bad")
    assert hint.startswith("hint: ")
