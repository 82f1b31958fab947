"""Every kind of damage, made on purpose: named exactly, and nothing else is."""

import pytest

from damaging import CAFE, Damaging, kept
from expokeep.check.values import Everything
from expokeep.errors import IntegrityError
from journeys import SHOP

ALL = Everything()


@pytest.fixture(scope="module")
def all_tests_site(catalog_template, postgres_server, s3_server, tmp_path_factory):
    top = tmp_path_factory.mktemp("site")
    with kept(catalog_template, postgres_server, s3_server, top) as here:
        here.remember()
        yield here


@pytest.fixture
def site(all_tests_site):
    """Rows and objects that a test may harm; what it does is undone."""
    yield all_tests_site
    all_tests_site.undo()


@pytest.fixture
def own(catalog_template, postgres_server, s3_server, tmp_path):
    """The same, for a test that keeps more versions."""
    with kept(catalog_template, postgres_server, s3_server, tmp_path) as here:
        yield here


def test_nothing_is_found_where_nothing_is_wrong(site: Damaging):
    outcome = site.check(ALL)

    assert outcome.findings == ()
    assert (outcome.sessions, outcome.versions, outcome.packs) == (2, 5, 5)
    assert outcome.objects == outcome.read_packs == 5
    (stored,) = site.rows("SELECT sum(size_bytes) FROM pack")
    assert outcome.read_bytes == stored["sum"]  # each byte once


def test_an_object_that_is_gone(site: Damaging):
    key = site.key(2)
    site.delete(key)

    assert site.found() == [("missing-object", key, {SHOP: (2,)})]
    assert site.found(ALL) == [("missing-object", key, {SHOP: (2,)})]


def test_an_object_that_every_version_needs(site: Damaging):
    key = site.key(1)
    site.delete(key)

    assert site.found() == [("missing-object", key, {SHOP: (1, 2, 3)})]


def test_an_object_that_is_shorter(site: Damaging):
    key = site.key(1)
    footer, _ = site.footer(key)
    site.put(key, site.read(key)[: footer.data_offset + 100])

    assert site.found() == [("wrong-size", key, {SHOP: (1, 2, 3)})]


def test_an_object_that_is_longer_has_lost_nothing(site: Damaging):
    key = site.key(2)
    site.put(key, site.read(key) + b"more")

    (finding,) = site.check().findings

    assert (finding.kind, finding.key) == ("wrong-size", key)
    assert (finding.affected, finding.untold) == ({}, {SHOP: (2,)})


REGIONS = {
    "manifest": lambda footer, _size: footer.manifest_length // 2,
    "end": lambda footer, size: (footer.end_offset + size - 72) // 2,
    "footer": lambda _footer, size: size - 20,
}


@pytest.mark.parametrize("region", REGIONS)
def test_a_flipped_bit_in_what_a_pack_says_of_itself(site: Damaging, region):
    key = site.key(2)
    site.flip(key, REGIONS[region](*site.footer(key)))

    (finding,) = site.check(ALL).findings

    assert (finding.kind, finding.key) == ("damaged-manifest", key)
    assert finding.detail.startswith(region)
    assert (finding.affected, finding.untold) == ({}, {SHOP: (2,)})


def test_a_flipped_bit_in_contents(site: Damaging):
    key = site.key(2)
    footer, _ = site.footer(key)
    site.flip(key, footer.data_offset + footer.data_length // 2)

    assert site.found() == []  # a listing cannot tell
    assert site.found(ALL) == [("damaged-contents", key, {SHOP: (2,)})]


def test_damage_that_was_found_once_is_not_forgotten(site: Damaging):
    key = site.key(2)
    whole = site.read(key)
    footer, _ = site.footer(key)
    site.flip(key, footer.data_offset + footer.data_length // 2)
    site.check(ALL)

    assert site.found() == [("damaged-contents", key, {SHOP: (2,)})]

    site.put(key, whole)
    assert site.found() == []
    assert site.rows("SELECT FROM blob WHERE is_doubted") == []


def test_a_row_that_lies_about_a_place(site: Damaging):
    key = site.key(2)
    site.alter(
        "UPDATE blob SET raw_offset = raw_offset - 512, frame_raw_length = 9216"
        " FROM pack WHERE pack.id = blob.pack AND pack.key = %s",
        key,
    )

    assert site.found() == []
    assert site.found(ALL) == [("wrong-place", key, {SHOP: (2,)})]


def test_an_object_that_no_row_names(site: Damaging):
    key = site.key(2).replace("0000000002", "0000000009")
    site.put(key, b"whatever")

    outcome = site.check(ALL)

    assert [(one.kind, one.key) for one in outcome.findings] == [("orphan-object", key)]
    assert outcome.damage == ()


def test_an_intent_under_way_is_no_orphan(site: Damaging):
    key = site.key(2).replace("0000000002", "0000000009")
    site.put(key, b"whatever")
    site.alter(
        "INSERT INTO pack (id, scope, session, key, kind, level, size_bytes, state)"
        " SELECT gen_random_uuid(), scope, session, %s, kind, 0, 0, 'uploading'"
        " FROM pack LIMIT 1",
        key,
    )

    assert site.found(ALL) == []


# --- rows --------------------------------------------------------------------------


def test_a_pack_without_a_row_is_an_orphan_and_its_version_untold(own: Damaging):
    # Only names: the contents are there already.
    (own.host.home(SHOP) / "copy.js").write_bytes(
        (own.host.home(SHOP) / "app.js").read_bytes()
    )
    own.host.save(SHOP)
    key = own.key(4)
    own.alter("DELETE FROM pack WHERE key = %s", key)

    orphan, untold = sorted(own.check(ALL).findings, key=lambda one: one.kind)

    assert (orphan.kind, orphan.key) == ("orphan-object", key)
    assert (untold.kind, untold.affected, untold.untold) == (
        "untold-version",
        {},
        {SHOP: (4,)},
    )


def test_contents_without_a_row(site: Damaging):
    site.alter(
        "DELETE FROM blob USING pack WHERE pack.id = blob.pack AND pack.key = %s",
        site.key(2),
    )

    assert site.found(ALL) == [("lost-contents", None, {SHOP: (2,)})]


def _entry(name, first_seq):
    return (
        " FROM path, session WHERE path.id = file_version.path"
        " AND session.id = file_version.session AND session.sid = 'shop'"
        f" AND path.name = '{name}' AND valid_from = {first_seq}"
    )


TREES = {
    "one entry is gone": (
        f"DELETE FROM file_version USING {_entry('app.js', 2)[6:]}",
        (2,),
    ),
    "another mode": (
        f"UPDATE file_version SET mode = 0 {_entry('app.js', 2)}",
        (2,),
    ),
    "another path": (
        (
            "UPDATE path SET name = 'zap.js' FROM session"
            " WHERE session.id = path.session AND sid = 'shop' AND name = 'app.js'"
        ),
        (1, 2, 3),
    ),
    "it ends too late": (
        f"UPDATE file_version SET valid_to = 4 {_entry('app.js', 2)}",
        (3,),
    ),
    "it ends too soon": (
        f"UPDATE file_version SET valid_to = 3 {_entry('package.json', 1)}",
        (3,),
    ),
}


@pytest.mark.parametrize("how", TREES)
def test_entries_that_are_not_those_of_the_version(site: Damaging, how):
    statement, seqs = TREES[how]
    assert site.alter(statement) == 1

    assert site.found(ALL) == [("wrong-tree", None, {SHOP: seqs})]


def test_a_version_without_entries(site: Damaging):
    site.alter(
        "DELETE FROM file_version USING session"
        " WHERE session.id = file_version.session AND session.sid = 'shop'"
    )

    assert site.found() == [("no-files", None, {SHOP: (1, 2, 3)})]


ROWS = {
    "no head": (
        "missing-head",
        "UPDATE session SET head_seq = NULL WHERE sid = 'shop'",
    ),
    "a head that is not there": (
        "missing-head",
        "UPDATE session SET head_seq = 9, last_seq = 9 WHERE sid = 'shop'",
    ),
    "a counter behind the versions": (
        "wrong-counter",
        "UPDATE session SET head_seq = 1, last_seq = 2 WHERE sid = 'shop'",
    ),
    "a chain that ends too soon": (
        "wrong-counter",
        (
            "UPDATE epoch SET tip_seq = 1 FROM session"
            " WHERE session.id = epoch.session AND sid = 'shop'"
        ),
    ),
    "a wrong number of files": (
        "wrong-counter",
        (
            "UPDATE version SET file_count = 9 FROM session"
            " WHERE session.id = version.session AND sid = 'shop' AND seq = 2"
        ),
    ),
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_that_contradict_others(site: Damaging, what):
    kind, statement = ROWS[what]
    assert site.alter(statement) == 1

    (finding,) = site.check().findings

    assert (finding.kind, finding.session, finding.affected) == (kind, SHOP, {})


@pytest.mark.parametrize("state", ["uploading", "doomed"])
def test_a_pack_that_is_needed_and_does_not_say_so(site: Damaging, state):
    key = site.key(2)
    site.alter(
        "UPDATE pack SET state = %s, state_at = now() - interval '2 h' WHERE key = %s",
        state,
        key,
    )

    assert site.found(ALL) == [("wrong-state", key, {})]


def test_an_object_that_should_have_been_deleted(site: Damaging):
    key = site.key(2).replace("0000000002", "0000000009")
    site.put(key, b"whatever")
    site.alter(
        "INSERT INTO pack (id, scope, session, key, kind, level, size_bytes, state,"
        "                  state_at)"
        " SELECT gen_random_uuid(), scope, session, %s, kind, 0, 8, 'doomed',"
        "        now() - interval '2 h' FROM pack LIMIT 1",
        key,
    )

    (finding,) = site.check().findings

    assert (finding.kind, finding.key) == ("doomed-object", key)
    assert not finding.is_damage


# --- one session, and what follows -------------------------------------------------


def test_a_session_is_checked_with_all_that_it_stands_on(own: Damaging):
    shared = own.host.home(CAFE) / "shared.js"
    shared.write_bytes((own.host.home(SHOP) / "app.js").read_bytes())
    own.host.save(CAFE)
    key = own.key(3)
    own.delete(key)
    own.delete(own.key(2))

    (finding,) = own.check(session=CAFE).findings

    assert (finding.kind, finding.key) == ("missing-object", key)
    assert finding.affected == {CAFE: (3,), SHOP: (3,)}


def test_a_damaged_version_is_refused_and_leaves_nothing(site: Damaging, tmp_path):
    site.delete(site.key(2))

    with pytest.raises(IntegrityError) as refused:
        site.host.restore("shop@2", tmp_path / "back")

    assert refused.value.exit_code == 15
    assert "expokeep repair catalog" in refused.value.hint
    assert not list(tmp_path.glob("back*"))
    assert not list(tmp_path.glob(".expokeep-staging*"))
    assert site.host.restore("shop@3", tmp_path / "well").action == "create"


def test_nobody_counts_on_contents_that_are_gone(own: Damaging, tmp_path):
    own.delete(own.key(2))
    own.check()

    (own.host.home(CAFE) / "old.js").write_text("// shop 2\n" * 50)
    own.host.save(CAFE)

    # Stored again, and so the version that had lost them is whole again.
    assert own.host.restore("cafe", tmp_path / "cafe").action == "create"
    assert own.host.restore("shop@2", tmp_path / "shop").action == "create"
    (finding,) = own.check(ALL).findings
    assert (finding.affected, finding.untold) == ({}, {SHOP: (2,)})
