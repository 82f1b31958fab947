"""Templates on a real Postgres: what they hold, and whose they are."""

import pytest

from cataloging import Scribe, a_file
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.catalog.forgetting import PostgresForgetting
from expokeep.catalog.templates import IsTemplate, PostgresTemplates, TemplateExists
from expokeep.errors import NotFound
from expokeep.model.names import SessionId


@pytest.fixture
def templates(catalog):
    return PostgresTemplates(catalog.database)


def scribed(catalog, name="shop", owner=None, count=3):
    scribe = Scribe(catalog, SessionId(name))
    scribe.open(owner)
    return [scribe.record({b"a": a_file(b"%d" % n)}) for n in range(count)]


def age(catalog, days):
    """Let everything be so old."""
    query = """
    UPDATE session SET accessed_at = accessed_at - %(days)s * interval '1 day',
                       created_at = created_at - %(days)s * interval '1 day',
                       deleted_at = deleted_at - %(days)s * interval '1 day';
    """
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute(query, {"days": days})
        connection.execute(
            "UPDATE version"
            " SET recorded_at = recorded_at - %(days)s * interval '1 day'",
            {"days": days},
        )


def test_a_template_is_told_with_its_version(catalog, templates):
    first, *_ = scribed(catalog, owner="ann")
    templates.create(first, "demo")
    templates.create(first, "demo")  # the answer was lost

    (one,) = templates.templates()
    assert (one.name, one.owner, one.uid) == ("demo", "ann", 1000)
    assert (one.session, one.seq, one.file_count) == ("shop", 1, 1)
    assert templates.drop(one)
    assert not templates.drop(one)
    assert templates.templates() == []


def test_names_are_each_users_own(catalog, templates):
    anns, other, *_ = scribed(catalog, "shop", owner="ann")
    bobs, *_ = scribed(catalog, "blog", owner="bob")
    nobodys, *_ = scribed(catalog, "lost")
    for version in (anns, bobs, nobodys):
        templates.create(version, "demo")

    with pytest.raises(TemplateExists):
        templates.create(other, "demo")
    assert [one.owner for one in templates.templates(name="demo")] == [
        None,
        "ann",
        "bob",
    ]
    (one,) = templates.templates(owner="bob")
    assert one.session == "blog"
    assert len(templates.templates(uid=1000)) == 3
    assert templates.templates(uid=99) == []


def test_what_is_forgotten_or_deleted_becomes_no_template(catalog, templates):
    first, *_ = scribed(catalog)
    assert PostgresForgetting(catalog.database).forget(first.session, [1]) == [1]
    with pytest.raises(NotFound):
        templates.create(first, "demo")

    blog, *_ = scribed(catalog, "blog")
    assert PostgresDeleting(catalog.database).delete(blog.session)
    with pytest.raises(NotFound):
        templates.create(blog, "demo")


def test_nothing_lets_go_of_the_version_of_a_template(catalog, templates):
    first, *_ = scribed(catalog)
    templates.create(first, "demo")
    versions = PostgresForgetting(catalog.database)
    deletions = PostgresDeleting(catalog.database)

    assert versions.forget(first.session, [1, 2], labels_too=True) == [2]
    assert not deletions.delete(first.session)
    with pytest.raises(IsTemplate, match="demo"):
        templates.require_none(first.session)
    age(catalog, 400)
    assert deletions.expire(days=30) == []

    # Whoever deletes past us, in SQL, only hides it.
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute("UPDATE session SET deleted_at = now() - interval '1 year'")
    assert deletions.purgeable(grace_s=0) == []
    assert not deletions.purge(first.session, grace_s=0, spent_s=0)
    assert [one.seq for one in catalog.versions(first.session)] == [3, 1]

    (one,) = templates.templates()
    templates.drop(one)
    assert deletions.purge(first.session, grace_s=0, spent_s=0)


def test_a_rule_says_why_it_keeps_a_template(catalog, templates):
    first, *_ = scribed(catalog)
    templates.create(first, "demo")
    versions = PostgresForgetting(catalog.database)

    lines = {line.seq: line.is_template for line in versions.lines(first.session)}

    assert lines == {3: False, 2: False, 1: True}
