"""What is damaged on purpose is mended, as far as anything still knows how it was."""

import pytest

from damaging import CAFE, Damaging, kept
from expokeep.check.values import Everything
from journeys import SHOP

ALL = Everything()


@pytest.fixture(scope="module")
def all_tests_site(catalog_template, postgres_server, s3_server, tmp_path_factory):
    top = tmp_path_factory.mktemp("site")
    with kept(catalog_template, postgres_server, s3_server, top) as here:
        here.remember()
        yield here


@pytest.fixture
def site(all_tests_site, tmp_path):
    """Rows, objects and directories that a test may harm; what it does is undone."""
    yield all_tests_site
    all_tests_site.undo()


def parked(site):
    rows = site.rows(
        "SELECT sid, seq, parked FROM version JOIN session ON session.id = session"
        " WHERE parked IS NOT NULL ORDER BY sid, seq"
    )
    return {f"{row['sid']}@{row['seq']}": row["parked"] for row in rows}


def head(site):
    (row,) = site.rows("SELECT head_seq FROM session WHERE sid = 'shop'")
    return row["head_seq"]


def flip_contents(site, seq):
    key = site.key(seq)
    footer, _ = site.footer(key)
    site.flip(key, footer.data_offset + footer.data_length // 2)


def test_contents_that_a_directory_still_has_are_stored_again(site: Damaging, tmp_path):
    site.delete(site.key(3))

    steps, repaired = site.repair()

    assert [step.action for step in steps] == ["contents"]
    assert steps[0].affected == {SHOP: (3,)}
    assert str(site.host.home(SHOP)) in steps[0].detail
    assert (repaired.lost, parked(site), head(site)) == ({}, {}, 3)
    assert site.host.restore("shop@3", tmp_path / "back").action == "create"

    # What the pack said of itself is still gone; the catalog knows it.
    steps, _ = site.repair("manifests")

    assert [step.action for step in steps] == ["manifest"]
    assert site.found(ALL) == []


def test_a_version_that_nothing_can_mend_is_parked_and_named(site: Damaging, tmp_path):
    site.delete(site.key(2))

    steps, repaired = site.repair()

    assert [step.action for step in steps] == ["park"]
    assert repaired.lost == {SHOP: (2,)}
    assert parked(site) == {"shop@2": "damaged: contents of it are lost"}
    assert head(site) == 3
    assert site.host.restore("shop", tmp_path / "back").action == "create"
    assert site.repair()[1].steps == 0  # and it is not done twice


def test_a_head_that_is_lost_gives_way_to_the_last_good_one(site: Damaging):
    program = site.host.home(SHOP) / "app.js"
    contents = program.read_bytes()
    site.delete(site.key(3))
    program.write_bytes(b"// something else\n")
    try:
        steps, repaired = site.repair()
    finally:
        program.write_bytes(contents)

    assert [step.action for step in steps] == ["park", "head"]
    assert (repaired.lost, head(site)) == ({SHOP: (3,)}, 2)


def test_what_is_whole_again_is_not_parked_any_more(site: Damaging):
    key = site.key(2)
    contents = site.read(key)
    site.delete(key)
    site.repair()
    site.put(key, contents)

    steps, _ = site.repair()

    assert [step.action for step in steps] == ["unpark"]
    assert (parked(site), site.found(ALL)) == ({}, [])


def test_a_dry_run_says_the_same_and_changes_nothing(site: Damaging):
    site.delete(site.key(3))
    site.delete(site.key(2))
    site.alter("UPDATE version SET file_count = 9 WHERE seq = 1")

    dry, said = site.repair(dry_run=True)

    assert parked(site) == {}
    assert len(site.keys()) == 3
    wet, done = site.repair()
    assert [step.action for step in dry] == [step.action for step in wet]
    assert said.lost == done.lost == {SHOP: (2,)}


def test_a_flipped_bit_in_contents_is_mended_from_a_directory(site: Damaging):
    flip_contents(site, 1)  # the logo, which is still on disk

    steps, repaired = site.repair(subset=ALL)

    assert "contents" in [step.action for step in steps]
    assert repaired.lost == {}
    assert all(not one.affected for one in site.check(ALL).findings)
    assert [one.kind for one in site.check(ALL).findings] == ["damaged-remains"]


def test_contents_that_another_pack_still_has_are_stored_again(site: Damaging):
    old = site.key(2)
    row = site.rows(
        "SELECT blob.* FROM blob JOIN pack ON pack.id = blob.pack WHERE key = %s", old
    )[0]
    # As if another host had uploaded the same, and its pack was the one that is lost.
    site.alter(
        "UPDATE blob SET pack = (SELECT pack FROM version JOIN session"
        " ON session.id = session WHERE sid = 'cafe' AND seq = 2) WHERE id = %s",
        row["id"],
    )
    site.delete(site.key(2, CAFE))

    steps, _ = site.repair()

    assert any(old in step.detail for step in steps)
    assert not parked(site)


@pytest.mark.parametrize("region", ["manifest", "end", "footer"])
def test_a_pack_that_cannot_say_what_it_holds_is_written_anew(
    site: Damaging, region, tmp_path
):
    key = site.key(2)
    footer, size_bytes = site.footer(key)
    places = {
        "manifest": footer.manifest_length // 2,
        "end": (footer.end_offset + size_bytes - 72) // 2,
        "footer": size_bytes - 20,
    }
    site.flip(key, places[region])
    dry, _ = site.repair("manifests", dry_run=True, subset=ALL)
    assert len(site.keys()) == 5

    steps, _ = site.repair("manifests", subset=ALL)

    assert [step.action for step in steps] == [step.action for step in dry]
    assert site.found(ALL) == []
    (row,) = site.rows("SELECT state FROM pack WHERE key = %s", key)
    assert row["state"] == "retired"
    assert site.host.restore("shop@2", tmp_path / "back").action == "create"


def test_a_pack_that_was_cut_keeps_what_is_good_of_it(site: Damaging):
    key = site.key(1)
    footer, _ = site.footer(key)
    contents = site.read(key)
    site.put(key, contents[: footer.data_offset + footer.data_length - 10])

    site.repair("manifests")
    site.repair()

    # The rest came from the directory, but for the first program: that is lost.
    site.repair("manifests")
    found = {seq for one in site.check(ALL).findings for seq in one.affected[SHOP]}
    assert found <= {1}


OF_SHOP = " session.id = session AND sid = 'shop'"
ENTRIES = {
    "one is gone": "DELETE FROM file_version USING path WHERE path.id = path"
    " AND name = 'app.js' AND valid_from = 2",
    "all are gone": f"DELETE FROM file_version USING session WHERE {OF_SHOP}",
    "contents have no row": "DELETE FROM blob USING pack, session"
    f" WHERE pack.id = pack AND pack.kind = 'incr' AND {OF_SHOP}",
    "another mode": "UPDATE file_version SET mode = 0 WHERE valid_from = 2",
}


@pytest.mark.parametrize("how", ENTRIES)
def test_entries_are_taken_from_the_manifests(site: Damaging, how, tmp_path):
    assert site.alter(ENTRIES[how])

    steps, repaired = site.repair()

    assert {step.action for step in steps} == {"entries"}
    assert (repaired.lost, site.found(ALL)) == ({}, [])
    assert site.host.restore("shop@2", tmp_path / "back").action == "create"


@pytest.mark.parametrize(
    ("action", "statement"),
    [
        ("head", "UPDATE session SET head_seq = NULL WHERE sid = 'shop'"),
        (
            "counters",
            "UPDATE session SET head_seq = 1, last_seq = 2 WHERE sid = 'shop'",
        ),
        ("counters", "UPDATE epoch SET tip_seq = 1"),
        ("sums", "UPDATE version SET size_bytes = 1 WHERE seq = 2"),
        ("state", "UPDATE pack SET state = 'uploading' WHERE kind = 'incr'"),
        ("places", "UPDATE blob SET raw_offset = raw_offset - 1"),
    ],
)
def test_rows_that_follow_from_others_are_written_again(
    site: Damaging, action, statement
):
    assert site.alter(statement)

    steps, _ = site.repair(subset=ALL)

    assert {step.action for step in steps} == {action}
    assert site.found(ALL) == []


def test_a_version_that_no_pack_tells_is_told_anew(site: Damaging):
    site.alter("UPDATE version SET told_by = gen_random_uuid() WHERE seq = 2")

    site.repair("manifests")

    assert site.found(ALL) == []
