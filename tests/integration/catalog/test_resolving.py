"""Which version a person's words mean."""

import datetime
import uuid

import pytest

from cataloging import NOON, SHOP, Scribe, a_file
from expokeep.catalog.caring import WasDeleted
from expokeep.catalog.deleting import PostgresDeleting
from expokeep.errors import NotFound, UsageError
from expokeep.history.naming import Naming
from expokeep.model.names import SessionId
from expokeep.model.version import Selector, VersionRef


@pytest.fixture
def scribe(catalog):
    """Has kept versions 1, 2 and 4 at 12:00, 12:01 and 12:03; 3 is parked."""
    scribe = Scribe(catalog)
    for number in range(1, 5):
        parked = "too small" if number == 3 else None
        tree = {b"a": a_file(b"%d" % number)}
        scribe.record(tree, parked=parked, moves_head=parked is None)
    return scribe


def at(minute, second=0):
    return NOON + datetime.timedelta(minutes=minute, seconds=second)


@pytest.mark.parametrize(
    ("selector", "seq"),
    [
        (Selector(), 4),
        (Selector(back=0), 4),
        (Selector(back=1), 3),
        (Selector(back=3), 1),
        (Selector(seq=2), 2),
        (Selector(seq=3), 3),
        (Selector(at=at(0)), 1),
        (Selector(at=at(1, 59)), 2),
        (Selector(at=at(2, 30)), 2),
        (Selector(at=at(60)), 4),
        (Selector(is_good=True), 4),
    ],
)
def test_a_selector_finds_its_version(scribe, catalog, selector, seq):
    version = catalog.resolve(VersionRef(SHOP, selector))

    assert version.seq == seq
    assert catalog.tree(version) == {b"a": a_file(b"%d" % seq)}


@pytest.mark.parametrize(
    "selector",
    [
        Selector(seq=5),
        Selector(seq=2**40),
        Selector(back=4),
        Selector(back=10**8),
        Selector(at=at(-1)),
        Selector(label="demo"),
        Selector(pack=uuid.UUID(int=9)),
    ],
)
def test_what_is_not_there_is_not_found(scribe, catalog, selector):
    with pytest.raises(NotFound, match="shop"):
        catalog.resolve(VersionRef(SHOP, selector))


def test_back_goes_along_parents_and_not_along_numbers(scribe, catalog):
    catalog.register_restored(
        SHOP, Scribe(catalog, inode=2).identity, scribe.host, seq=2
    )
    Scribe(catalog, inode=2).record({})

    backs = [
        catalog.resolve(VersionRef(SHOP, Selector(back=back))).seq for back in range(3)
    ]

    assert backs == [5, 2, 1]


def test_a_parked_version_is_meant_when_nothing_else_is_that_old(catalog):
    Scribe(catalog).record({}, parked="empty", moves_head=False)

    assert catalog.resolve(VersionRef(SHOP, Selector(at=at(5)))).seq == 1
    with pytest.raises(NotFound, match="parked"):
        catalog.resolve(VersionRef(SHOP))


def test_a_unique_prefix_is_enough(scribe, catalog):
    Scribe(catalog, SessionId("other")).open()

    assert catalog.resolve(VersionRef(SessionId("sh"))).session == "shop"


def test_a_prefix_of_several_names_them(catalog):
    for number in range(8):
        Scribe(catalog, SessionId(f"shop-{number}")).record({})

    with pytest.raises(UsageError, match=r"shop-0, shop-1, .*, \.\.\."):
        catalog.resolve(VersionRef(SHOP))


def test_an_exact_id_is_meant_although_others_begin_with_it(scribe, catalog):
    Scribe(catalog, SessionId("shop-2")).record({})

    assert catalog.resolve(VersionRef(SHOP)).session == "shop"


def test_a_session_that_is_not_there_is_not_found(catalog):
    with pytest.raises(NotFound):
        catalog.resolve(VersionRef(SHOP))


def test_versions_are_listed_newest_first(scribe, catalog):
    def listed(**words):
        return [version.seq for version in catalog.versions(SHOP, **words)]

    assert listed() == [4, 3, 2, 1]
    assert listed(limit=2) == [4, 3]
    assert listed(since=at(2)) == [4, 3]
    assert catalog.versions(SessionId("nobody")) == []


def park(catalog, seq):
    """Park a version after the fact, as one that a slow teardown left is."""
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute(
            "UPDATE version SET parked = 'a teardown' WHERE seq = %s", (seq,)
        )


def test_good_is_the_newest_version_that_is_not_parked(scribe, catalog):
    park(catalog, 4)

    found = catalog.resolve(VersionRef(SHOP, Selector(is_good=True)))

    assert found.seq == 2


def test_good_is_the_head_that_somebody_chose_over_a_newer_version(scribe, catalog):
    catalog.accept(catalog.resolve(VersionRef(SHOP, Selector(seq=1))))

    found = catalog.resolve(VersionRef(SHOP, Selector(is_good=True)))

    assert found.seq == 1


def test_nothing_is_good_while_all_is_parked(scribe, catalog):
    for seq in (1, 2, 4):
        park(catalog, seq)

    with pytest.raises(NotFound, match="not parked"):
        catalog.resolve(VersionRef(SHOP, Selector(is_good=True)))


def test_a_label_and_a_pack_find_their_version(scribe, catalog):
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute(
            "INSERT INTO label (session, name, seq) SELECT id, 'demo', 2 FROM session"
        )

    labelled = catalog.resolve(VersionRef(SHOP, Selector(label="demo")))
    packed = catalog.resolve(VersionRef(SHOP, Selector(pack=labelled.pack)))

    assert (labelled.seq, packed.seq) == (2, 2)


def test_the_name_of_a_deleted_session_is_no_beginning_of_another(catalog):
    # Whose it was may still name it, and must not see what only begins like it.
    for name in ("shop", "shop-of-another"):
        Scribe(catalog, SessionId(name)).record({b"a": a_file(b"a")})
    assert PostgresDeleting(catalog.database).delete(SHOP)

    naming = Naming(catalog, lambda: NOON)
    for ask in (naming.version, naming.session):
        with pytest.raises(WasDeleted):
            ask("shop")
        ask("shop-")
