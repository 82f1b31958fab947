"""What a host uploaded and never came to record becomes versions, once it is dead."""

import pytest

from expokeep.catalog.reviver import PostgresRebuilding
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.rebuild.abandoned import Adopter
from rebuilding import PROJECT, changed, told, write

SHOP = SessionId("shop")


class Died(Exception):
    """Stands for the end of a host."""


@pytest.fixture
def home(loss):
    home = loss.host.home(SHOP)
    home.mkdir()
    write(home, PROJECT)
    loss.host.save(SHOP)
    return home


@pytest.fixture
def dies(loss, monkeypatch):
    """Lets the host die between an upload and its commit, and be silent since."""

    def commit(_new):
        raise Died

    def dies() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(loss.catalog, "commit", commit)
            with pytest.raises(Died):
                loss.host.ship(SHOP)
        changed(loss.dsn, "UPDATE host SET lease_until = now() - interval '1 hour'")

    return dies


def adopt(loss) -> list[dict]:
    adopter = Adopter(
        PostgresRebuilding(loss.catalog.database, "main"),
        loss.catalog,
        loss.bucket,
        "v1/",
        Limits(),
    )
    adopter.act(lambda: False)
    return told(loss.dsn)["versions"]


def test_it_becomes_the_newest_version_and_its_host_finds_it(loss, home, dies):
    write(home, {"App.js": "2", "big": "x" * 9_000_000})
    loss.host.look(SHOP)
    dies()

    rows = adopt(loss)
    again = adopt(loss)
    loss.host.restart()
    (shipped,) = loss.host.ship(SHOP)

    assert [row["trigger"] for row in rows] == ["auto", "adopted"]
    assert rows[1]["parent_seq"] == 1
    assert rows[1]["parked"] is None
    assert told(loss.dsn)["sessions"][0]["head_seq"] == 2
    assert again == rows == told(loss.dsn)["versions"]
    assert shipped.version.seq == 2
    assert not loss.host.spool.pending(SHOP)
    write(home, {"App.js": "3"})
    assert loss.host.save(SHOP).parent == 2
    loss.host.restore("shop@2", loss.place / "back")
    assert (loss.place / "back/App.js").read_text() == "2"


def test_a_host_that_lives_records_its_own(loss, home, dies):
    write(home, {"App.js": "2"})
    loss.host.look(SHOP)
    dies()
    loss.catalog.heartbeat(loss.host.host, lease_s=30)

    assert [row["seq"] for row in adopt(loss)] == [1]


def test_what_lost_most_of_its_files_is_parked(loss, home, dies):
    for number in range(8):
        write(home, {f"src/{number}.js": "x"})
    loss.host.save(SHOP)
    for number in range(8):
        (home / f"src/{number}.js").unlink()
    loss.host.look(SHOP, believes_deletions=True)
    dies()

    *_, row = adopt(loss)

    assert row["parked"] == "it lost 8 of 12 files"
    assert told(loss.dsn)["sessions"][0]["head_seq"] == 2


def test_what_was_not_uploaded_whole_is_left_alone(loss, home, dies):
    write(home, {"App.js": "2", "big": "x" * 9_000_000})
    loss.host.look(SHOP)
    dies()
    big = loss.host.spool.pending(SHOP)[0].note.packs[1]
    loss.bucket.delete([big.key])

    assert [row["seq"] for row in adopt(loss)] == [1]

    loss.host.restart()
    loss.host.ship(SHOP)
    assert [row["seq"] for row in told(loss.dsn)["versions"]] == [1, 2]


def test_what_is_adopted_is_a_fact(loss, home, dies):
    write(home, {"App.js": "2"})
    loss.host.look(SHOP)
    dies()
    adopt(loss)
    loss.note()
    fresh, dsn = loss.catalog_like()

    loss.rebuild(fresh)

    assert told(dsn) == told(loss.dsn)
