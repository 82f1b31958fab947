"""Forks, reverts and templates come back from the bucket like everything else."""

from expokeep.catalog.templates import PostgresTemplates
from expokeep.model.names import SessionId
from expokeep.model.version import Origin, VersionRef
from journeys import SHOP
from rebuilding import PROJECT, told, trees, write


def lived(loss):
    """Let a session go back, and others begin with what it had."""
    host, home = loss.host, loss.host.home(SHOP)
    home.mkdir()
    write(home, PROJECT)
    host.save(owner="alice")
    write(home, {"App.js": "2", "src/more.js": "more"})
    host.save()
    tree = loss.catalog.tree(host.catalog.resolve(VersionRef(SHOP)))
    host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 1))
    host.fork(session=SHOP, trigger="revert", origin=Origin(SHOP, 2), tree=tree)
    for name, trigger in (("copy", "fork"), ("begun", "template")):
        host.fork(
            session=SessionId(name),
            trigger=trigger,
            origin=Origin(SHOP, 2),
            owner="bob",
            message="begun",
        )
    host.restore("copy", host.home(SessionId("copy")))
    write(host.home(SessionId("copy")), {"App.js": "3"})
    host.save(SessionId("copy"))
    templates = PostgresTemplates(loss.catalog.database)
    for name in ("start", "old", "gone"):
        templates.create(loss.catalog.resolve(VersionRef(SHOP)), name)
    (gone,) = templates.templates(name="gone")
    templates.drop(gone)


def test_forks_come_back_with_origins_and_templates(loss):
    lived(loss)
    loss.note()
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.doubts
    assert told(dsn) == told(loss.dsn)
    assert trees(fresh) == trees(loss.catalog)


def test_without_facts_forks_come_back_as_versions(loss):
    lived(loss)
    fresh, dsn = loss.catalog_like()

    report = loss.rebuild(fresh)

    assert not report.doubts
    before, after = told(loss.dsn), told(dsn)
    for column in ("sid", "tree", "parked", "seq", "parent_seq"):
        assert [row[column] for row in after["versions"]] == [
            row[column] for row in before["versions"]
        ]
    heads = {row["sid"]: row["head_seq"] for row in after["sessions"]}
    assert heads == {row["sid"]: row["head_seq"] for row in before["sessions"]}
