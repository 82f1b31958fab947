"""The real Prisma on its own tables, while we keep them in step."""

import datetime
import json
import os
import shutil
import subprocess
import urllib.parse
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from cataloging import SHOP, Scribe, a_file
from expokeep.model.names import SessionId
from rows import begun, stamp

pytestmark = [pytest.mark.npm, pytest.mark.timeout(600)]

PROJECT = {b"App.js": a_file(b"app"), b"caf\xe9": a_file(b"not UTF-8")}
IN_STEP = "already in sync"


@dataclass
class Prisma:
    """An app's folder with its schema, its migrations and its client."""

    folder: Path
    url: str

    def run(self, *arguments: str) -> str:
        """Run `prisma`; return what it says."""
        return self._node("node_modules/prisma/build/index.js", *arguments)

    def app(self, *arguments: str):
        """Do what the app does; return what its client answers."""
        return json.loads(self._node("app.mjs", *arguments))

    def _node(self, *arguments: str) -> str:
        done = subprocess.run(
            ["node", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "DATABASE_URL": self.url,
                "CHECKPOINT_DISABLE": "1",
                "PRISMA_HIDE_UPDATE_MESSAGE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prisma") / "app"
    shutil.copytree(Path(__file__).parents[1] / "prisma", folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def prisma(folder, catalog_url):
    given = conninfo_to_dict(catalog_url)
    at = urllib.parse.quote(given["host"], safe="")
    who = f"{given['user']}:{urllib.parse.quote(given['password'], safe='')}"
    # The tests' role is called as our schema is, which "$user" would find first.
    path = "options=-csearch_path%3Dpublic"
    url = f"postgresql://{who}@{at}:{given['port']}/{given['dbname']}?{path}"
    prisma = Prisma(folder, url)
    migration = folder / "migrations" / "1_init" / "migration.sql"
    if not migration.exists():
        migration.parent.mkdir(parents=True)
        migration.write_text(made_by(prisma))
        lock = folder / "migrations" / "migration_lock.toml"
        lock.write_text('provider = "postgresql"\n')
        prisma.run("generate")
    prisma.run("migrate", "deploy")
    return prisma


@pytest.fixture
def rows(prisma, catalog_url):
    with begun(catalog_url) as held:
        yield held


def made_by(prisma: Prisma) -> str:
    """Return the migration that Prisma makes of the schema."""
    wish = ("--from-empty", "--to-schema-datamodel", "schema.prisma", "--script")
    return prisma.run("migrate", "diff", *wish)


def statements(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    parts = "\n".join(lines).split(";")
    return [part.strip() for part in parts if part.strip()]


def test_the_tables_that_we_make_are_those_that_prisma_makes(prisma):
    ours = (resources.files("expokeep.catalog") / "app_tables.sql").read_text()

    theirs = statements(made_by(prisma))

    assert statements(ours) == [one for one in theirs if "CREATE SCHEMA" not in one]


def test_prisma_sees_no_drift_and_does_see_a_stranger(prisma, rows):
    Scribe(rows.catalog).record(PROJECT)
    assert rows.ports.tables.find().triggers > 0

    assert "up to date" in prisma.run("migrate", "status")
    assert IN_STEP in prisma.run("db", "push", "--skip-generate")

    rows.app.sql("CREATE TABLE stranger AS SELECT 1 AS number")
    with pytest.raises(AssertionError, match="drop the `stranger` table"):
        prisma.run("db", "push", "--skip-generate")


def test_prisma_client_reads_what_is_kept(prisma, rows):
    version = Scribe(rows.catalog).record(PROJECT)
    rows.catalog.describe(SHOP, owner="u1", project_name="Shop")

    (build,) = prisma.app("list")

    assert build["sessionId"] == SHOP
    assert (build["userId"], build["projectName"]) == ("u1", "Shop")
    assert build["sizeBytes"] == f"{version.size_bytes}n"
    assert build["buildMetadata"]["customFiles"] == ["App.js"]
    assert (build["isActive"], build["shareToken"]) == (True, None)
    files = {file["filePath"]: file["fileHash"] for file in build["files"]}
    assert files.keys() == {"App.js", "caf\\xe9"}
    kept = rows.catalog.session(SHOP)
    read = datetime.datetime.fromisoformat(build["lastAccessed"])
    assert stamp(read) == stamp(kept.accessed_at)


def test_the_save_of_the_app_is_an_upsert_that_finds_our_row(prisma, rows):
    scribe = Scribe(rows.catalog)
    scribe.record(PROJECT)
    before = rows.app.builds()[SHOP]

    saved = prisma.app("save", SHOP)
    rows.settle()

    assert saved["id"] == before["id"]
    assert rows.catalog.session(SHOP).owner == "u1"
    assert rows.app.builds()[SHOP]["appDescription"] == "hers"
    rows.require_step()


def test_the_delete_of_the_app_is_soft_and_of_all_of_them_refused(prisma, rows):
    for number in range(12):
        session = SessionId(f"s{number:02}")
        Scribe(rows.catalog, session=session, inode=number + 1).record(PROJECT)

    prisma.app("delete", "s00")
    rows.settle()
    assert rows.catalog.session(SessionId("s00")) is None
    assert rows.catalog.session(SessionId("s00"), deleted_too=True) is not None

    with pytest.raises(AssertionError, match="refuses to delete 11 builds"):
        prisma.app("deleteMany")
    rows.settle()
    assert len(rows.app.builds()) == 11
    rows.require_step()
