"""What people ask of the past: who wrote a line, who has a file, what changed when."""

import shutil
from collections import Counter
from itertools import pairwise

import pytest

from expokeep import clock
from expokeep.catalog.forgetting import PostgresForgetting
from expokeep.catalog.marking import PostgresMarks
from expokeep.catalog.past import PostgresPast
from expokeep.catalog.past_values import Viewer
from expokeep.errors import NotFound, UsageError
from expokeep.history.history import History
from expokeep.history.version_log import LogWish
from expokeep.model.digest import digest_of
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


@pytest.fixture
def history(host):
    fetched = []

    def bring(places):
        fetched.extend(place.digest for place in places)
        return host.source._fetcher.blobs(places, host.catalog.places)

    made = History(
        host.catalog, bring, clock.now, past=PostgresPast(host.catalog.database)
    )
    made.fetched = fetched
    return made


def keep(host, files, session=SHOP):
    """Write files, a None removes one; and keep the project."""
    home = host.home(session)
    for name, contents in files.items():
        path = home / name
        if contents is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
    return host.save(session)


def text(*lines):
    return "".join(f"{line}\n" for line in lines).encode()


def told(blame):
    return [(line.seq, line.text) for line in blame.lines]


def test_each_line_is_of_the_version_that_brought_it(host, history):
    keep(host, {"App.js": text("a", "b", "c"), "other": b"1"})
    keep(host, {"App.js": text("a", "B", "c"), "other": b"2"})
    keep(host, {"other": b"3"})
    keep(host, {"App.js": text("new", "a", "B", "c")})

    blame = history.blame("shop", b"App.js")

    assert told(blame) == [(4, "new"), (1, "a"), (2, "B"), (1, "c")]
    assert [one.seq for one in blame.versions] == [1, 2, 4]
    assert not blame.truncated
    assert told(history.blame("shop@3", b"./App.js")) == [(1, "a"), (2, "B"), (1, "c")]


def test_only_what_changed_is_fetched(host, history):
    for number in range(6):
        keep(host, {"App.js": text(*range(number // 3 + 2)), "other": b"%d" % number})
    history.fetched.clear()

    history.blame("shop", b"App.js")

    assert len(history.fetched) == 2


def test_a_file_is_followed_through_a_move_and_an_edit(host, history):
    body = [f"line {number}" for number in range(12)]
    keep(host, {"a.js": text(*body), "still": b"x"})
    keep(host, {"a.js": None, "src/b.js": text(*body)})
    keep(host, {"src/b.js": None, "src/c.js": text("first", *body)})

    blame = history.blame("shop", b"src/c.js")

    assert told(blame) == [(3, "first"), *((1, line) for line in body)]
    assert [line.path for line in blame.lines[:2]] == [None, "a.js"]


def test_a_move_whose_deletion_was_believed_later_is_followed(host, history):
    body = [f"line {number}" for number in range(6)]
    keep(host, {"a.js": text(*body), "other": b"1"})
    keep(host, {"b.js": text(*body, "new")})
    keep(host, {"other": b"2"})
    keep(host, {"a.js": None})

    blame = history.blame("shop", b"b.js")

    assert told(blame) == [*((1, line) for line in body), (2, "new")]
    assert blame.lines[0].path == "a.js"


def test_a_copy_of_what_stays_is_new(host, history):
    keep(host, {"a.js": text("one", "two")})
    keep(host, {"b.js": text("one", "two")})

    assert told(history.blame("shop", b"b.js")) == [(2, "one"), (2, "two")]


def test_a_file_that_came_back_is_followed_no_further_than_it_was_there(host, history):
    keep(host, {"a": text("one"), "b": b"b"})
    keep(host, {"a": None})
    keep(host, {"a": text("one", "two")})

    assert told(history.blame("shop", b"a")) == [(3, "one"), (3, "two")]


def test_a_restored_directory_goes_on_with_the_lines_of_its_base(host, history):
    keep(host, {"a": text("one", "two")})
    keep(host, {"a": text("one", "2")})
    shutil.rmtree(host.home(SHOP))
    host.restore("shop@1")
    keep(host, {"a": text("one", "two", "three")})

    blame = history.blame("shop", b"a")

    assert told(blame)[:2] == [(1, "one"), (1, "two")]
    assert blame.lines[2].seq == host.catalog.session(SHOP).last_seq


def test_what_was_forgotten_is_of_the_next_version_that_is_kept(host, history):
    keep(host, {"a": text("one")})
    keep(host, {"a": text("one", "two")})
    keep(host, {"a": text("one", "two", "three")})
    assert PostgresForgetting(host.catalog.database).forget(SHOP, [2]) == [2]

    blame = history.blame("shop", b"a")

    assert told(blame) == [(1, "one"), (3, "two"), (3, "three")]


def test_what_has_no_lines_is_refused(host, history):
    keep(host, {"icon.png": b"\x89PNG\0", "dir/file": b"x", "big": b"x" * (1 << 20)})
    (host.home(SHOP) / "link").symlink_to("icon.png")
    keep(host, {"big": b"x" * ((1 << 20) + 1)})

    for path, words in (
        (b"icon.png", "is not text"),
        (b"dir", "is no file"),
        (b"link", "is no file"),
        (b"big", "larger than 1 MiB"),
    ):
        with pytest.raises(UsageError, match=words):
            history.blame("shop", path)
    with pytest.raises(NotFound, match="has no nothing"):
        history.blame("shop", b"nothing")


def test_a_file_that_became_text_begins_there(host, history):
    keep(host, {"a": b"\0\1\2\n"})
    keep(host, {"a": text("one")})

    blame = history.blame("shop", b"a")

    assert told(blame) == [(2, "one")]
    assert not blame.truncated


def test_an_empty_file_has_no_lines(host, history):
    keep(host, {"a": b"", "b": b"1"})

    assert told(history.blame("shop", b"a")) == []


def test_contents_are_found_under_every_name_and_in_every_session(host, history):
    keep(host, {"a": b"wanted", "b": b"1"})
    keep(host, {"a": None, "c/d": b"wanted"})
    host.home("other").mkdir()
    keep(host, {"copy": b"wanted"}, session="other")

    found = history.holders(digest_of(b"wanted"), Viewer())

    assert [
        (one.session, one.entry.path, one.first_seq, one.last_seq)
        for one in found.matches
    ] == [
        ("other", "copy", 1, None),
        ("shop", "a", 1, 1),
        ("shop", "c/d", 2, None),
    ]
    here = history.holders(digest_of(b"wanted"), Viewer(), ["shop"])
    assert {one.session for one in here.matches} == {"shop"}
    assert history.holders(digest_of(b"never seen"), Viewer()).matches == ()


def test_contents_of_others_are_found_as_little_as_contents_of_nobody(host, history):
    keep(host, {"a": b"secret of ann"})
    host.catalog.describe(SHOP, owner="ann")

    def of(viewer, contents=b"secret of ann"):
        return history.holders(digest_of(contents), viewer).matches

    assert len(of(Viewer(owner="ann"))) == len(of(Viewer())) == 1
    assert of(Viewer(owner="bob")) == of(Viewer(owner="bob"), b"nobody's") == ()
    assert of(Viewer(uid=54_321)) == ()


def test_labels_and_pins_stand_beside_their_versions(host, history):
    marks = PostgresMarks(host.catalog.database)
    for number in range(4):
        keep(host, {"a": b"%d" % number})
    marks.label(host.catalog.versions(SHOP)[2], "before the demo")
    marks.label(host.catalog.versions(SHOP)[2], "again")
    marks.pin(host.catalog.versions(SHOP)[3], is_pinned=True)

    listed = history.log(SHOP).versions
    marked = history.log(SHOP, LogWish(only_marked=True, limit=1))

    assert [(one.seq, one.labels, one.is_pinned) for one in listed] == [
        (4, (), False),
        (3, (), False),
        (2, ("again", "before the demo"), False),
        (1, (), True),
    ]
    assert [one.seq for one in marked.versions] == [2]
    assert marked.truncated
    shown = history.show("shop@label:again").version
    assert shown.labels == ("again", "before the demo")


def test_counts_are_those_of_the_changes_themselves(host, history):
    home = host.home(SHOP)
    keep(host, {"a": b"1", "b": b"22", "c/d": b"333", "e": b""})
    keep(host, {"a": b"11", "b": None, "moved/b": b"22", "new": b"4", "e": None})
    (home / "a").chmod(0o600)
    (home / "new").unlink()
    (home / "new").symlink_to("a")
    keep(host, {})
    keep(host, {"c/d": None, "c/one": b"333", "c/two": b"333"})
    shutil.rmtree(home)
    host.restore("shop@2")
    keep(host, {"a": b"12", "z": b"5"})
    PostgresForgetting(host.catalog.database).forget(SHOP, [3])

    versions = history.log(SHOP, LogWish(with_counts=True)).versions

    assert len(versions) == 4
    for version in versions:
        kinds = Counter(
            change.change
            for change in history.show(f"shop@{version.seq}").changes
            if change.type != "directory"
        )
        counts = version.counts
        assert (counts.added, counts.deleted, counts.renamed) == (
            kinds["A"],
            kinds["D"],
            kinds["R"],
        ), version.seq
        assert counts.modified == kinds["M"] + kinds["T"], version.seq
    assert [one.counts.changed_bytes for one in reversed(versions)] == [6, 5, 6, 3]


def test_the_lives_of_a_directory_are_told(host, history):
    keep(host, {"a": b"1"})
    keep(host, {"a": b"2"})
    shutil.rmtree(host.home(SHOP))
    host.restore("shop@1")
    keep(host, {"a": b"3"})

    lives = history.log(SHOP, LogWish(with_epochs=True)).epochs

    assert [
        (one.number, one.base_seq, one.first_seq, one.last_seq) for one in lives
    ] == [(2, 1, 3, 3), (1, None, 1, 2)]
    assert all(new.started_at > old.started_at for new, old in pairwise(lives))
    assert history.log(SHOP).epochs == ()


def test_a_move_with_an_edit_is_a_rename_with_a_patch(host, history):
    body = [f"line {number}" for number in range(10)]
    keep(host, {"a.js": text(*body), "b.js": text("quite", "other")})
    keep(host, {"a.js": None, "lib/a.js": text("new", *body), "b.js": None})

    found = history.diff("shop@1", "shop@2", detail="patch")

    assert [(one.change, one.old_path, one.path) for one in found.changes] == [
        ("D", None, "b.js"),
        ("R", "a.js", "lib/a.js"),
    ]
    patch = found.changes[1].patch
    assert "rename from a.js\nrename to lib/a.js\n" in patch
    assert "+new\n" in patch
    assert found.changes[1].added_lines == 1
    names = history.diff("shop@1", "shop@2")
    assert [one.change for one in names.changes] == ["D", "R"]


def test_without_postgres_it_is_said_what_is_not_known(host):
    alone = History(host.catalog, lambda places: iter(()), clock.now)
    keep(host, {"a": b"1"})

    assert alone.log(SHOP).versions[0].labels == ()
    for ask in (
        lambda: alone.blame("shop", b"a"),
        lambda: alone.holders(digest_of(b"1"), Viewer()),
        lambda: alone.log(SHOP, LogWish(with_counts=True)),
        lambda: alone.log(SHOP, LogWish(with_epochs=True)),
    ):
        with pytest.raises(UsageError, match="--from-bucket"):
            ask()
