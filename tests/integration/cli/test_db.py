import os
import subprocess
import sys
from pathlib import Path

import pytest

EXPOKEEP = Path(sys.executable).with_name("expokeep")


@pytest.fixture
def migrate(database_url, tmp_path):
    """Run `expokeep db migrate` on an empty database, without any daemon."""
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "EXPOKEEP_STATE_DIR": str(tmp_path),
        "EXPOKEEP_CONFIG": str(tmp_path / "expokeep.yaml"),
    }
    (tmp_path / "expokeep.yaml").touch()

    def migrate(*words):
        ended = subprocess.run(
            [EXPOKEEP, "db", "migrate", *words],
            capture_output=True,
            text=True,
            check=True,
            env=environ,
        )
        assert ended.stderr == ""
        return ended.stdout

    return migrate


def test_a_migration_can_be_tried_is_applied_and_stays_applied(migrate):
    tried, done, again = migrate("--dry-run"), migrate(), migrate()

    assert tried.startswith("would apply 0001")
    assert done.startswith("applied 0001")
    assert again == "the schema is up to date\n"


def test_what_was_applied_is_a_document_too(migrate):
    assert '"message_type":"migrated"' in migrate("--json")
