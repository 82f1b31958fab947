"""What was kept, asked of a real catalog, with real packs behind it."""

import datetime
import os

import pytest

from expokeep import clock
from expokeep.errors import BlobMissing, IntegrityError, NotFound, UsageError
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
    return history_of(host)


def history_of(host, contents=None, now=clock.now):
    def bring(places):
        return host.source._fetcher.blobs(places, host.catalog.places)

    return History(host.catalog, contents or bring, now)


def keep(host, session=SHOP, **files):
    """Write files, a None removes one; and keep the project."""
    home = host.home(session)
    home.mkdir(exist_ok=True)
    for name, contents in files.items():
        if contents is None:
            (home / name).unlink()
        else:
            (home / name).write_bytes(contents)
    return host.save(session)


def named(found):
    return [(change.change, change.path) for change in found.changes]


def test_a_log_is_newest_first_and_knows_the_head(host, history):
    keep(host, a=b"1")
    keep(host, a=b"2")

    log = history.log(SHOP)

    assert [version.seq for version in log.versions] == [2, 1]
    assert (log.session, log.head_seq, log.truncated) == (SHOP, 2, False)


def test_a_log_says_that_there_is_more(host, history):
    keep(host, a=b"1")
    keep(host, a=b"2")

    log = history.log(SHOP, LogWish(limit=1))

    assert [version.seq for version in log.versions] == [2]
    assert log.truncated


def test_a_log_begins_when_it_is_told_to(host, history):
    first = keep(host, a=b"1")
    second = keep(host, a=b"2")

    later = first.taken_at + (second.taken_at - first.taken_at) / 2

    after = history.log(SHOP, LogWish(since=later.isoformat()))
    assert [one.seq for one in after.versions] == [2]
    assert len(history.log(SHOP, LogWish(since="1h")).versions) == 2


def test_a_session_is_named_by_any_beginning_that_fits_only_one(host, history):
    keep(host, a=b"1")
    keep(host, session="shop-2", a=b"1")

    assert history.log("shop-").session == "shop-2"
    assert history.log("shop").session == "shop"
    with pytest.raises(UsageError, match="fits several sessions"):
        history.log("sho")
    with pytest.raises(NotFound):
        history.log("other")


def test_words_that_name_nothing_are_refused(host, history):
    keep(host, a=b"1")

    with pytest.raises(UsageError):
        history.show("shop@yesterday")
    with pytest.raises(UsageError):
        history.show("../shop")
    with pytest.raises(UsageError):
        history.log("shop", LogWish(since="yesterday"))


def test_a_time_without_a_zone_is_in_utc(host):
    version = keep(host, a=b"1")
    minute = version.taken_at.replace(tzinfo=None) + datetime.timedelta(minutes=1)
    history = history_of(host)

    assert history.show(f"shop@{minute.isoformat()}").version.seq == 1
    with pytest.raises(NotFound):
        history.show(f"shop@{(minute - datetime.timedelta(minutes=2)).isoformat()}")


def test_a_version_is_shown_with_what_it_changed(host, history):
    keep(host, a=b"1", b=b"same")
    keep(host, a=b"2", c=b"new")

    shown = history.show("shop@2")

    assert shown.is_head
    assert named(shown) == [("M", "a"), ("A", "c")]
    assert (shown.uid, shown.gid) == (os.geteuid(), os.getegid())
    assert shown.pack_key.startswith("v1/")


def test_the_first_version_shows_all_of_itself(host, history):
    keep(host, a=b"1", b=b"2")
    keep(host, a=b"3")

    shown = history.show("shop@1")

    assert not shown.is_head
    assert named(shown) == [("A", "a"), ("A", "b")]


def test_a_listing_is_what_an_independent_walk_finds(host, history):
    home = host.home(SHOP)
    (home / "src").mkdir()
    (home / "src/App.js").write_bytes(b"code\n")
    (home / "link").symlink_to("src/App.js")
    (home / os.fsdecode(b"odd\xff")).write_bytes(b"")
    host.save()

    listing = history.ls("shop")

    assert {(one.path, one.type, one.digest) for one in listing.entries} == {
        ("src", "directory", None),
        ("src/App.js", "file", digest_of(b"code\n").hex()),
        ("link", "link", None),
        ("odd\\xff", "file", digest_of(b"").hex()),
    }
    assert [one.path for one in history.ls("shop", b"src/").entries] == [
        "src",
        "src/App.js",
    ]
    with pytest.raises(NotFound, match="shop@1 has no sr"):
        history.ls("shop", b"sr")


def test_a_file_is_printed_as_it_was(host, history):
    contents = os.urandom(300_000)
    keep(host, a=contents)
    keep(host, a=b"now")

    assert b"".join(history.cat("shop@1", b"a")) == contents
    assert b"".join(history.cat("shop", b"./a")) == b"now"


def test_only_a_file_can_be_printed(host, history):
    home = host.home(SHOP)
    (home / "directory").mkdir()
    (home / "link").symlink_to("elsewhere")
    host.save()

    with pytest.raises(UsageError, match="a directory"):
        history.cat("shop", b"directory")
    with pytest.raises(UsageError, match="a link to elsewhere"):
        history.cat("shop", b"link")
    with pytest.raises(NotFound):
        history.cat("shop", b"missing")


def test_wrong_bytes_are_told_instead_of_the_last_piece(host):
    keep(host, a=b"right")
    wrong = history_of(
        host, lambda places: ((one.digest, 5, [b"wr", b"ong"]) for one in places)
    )

    pieces = wrong.cat("shop", b"a")

    assert next(pieces) == b"wr"
    with pytest.raises(IntegrityError):
        next(pieces)


def test_wrong_bytes_are_never_compared(host):
    keep(host, a=b"right")
    wrong = history_of(
        host, lambda places: ((one.digest, 5, [b"wrong"]) for one in places)
    )

    with pytest.raises(IntegrityError):
        wrong.diff(None, "shop", detail="patch")


class Forgetful:
    """A catalog that knows every version, and not where contents are."""

    def __init__(self, catalog) -> None:
        self._catalog = catalog

    def __getattr__(self, name):
        return getattr(self._catalog, name)

    def places(self, digests):
        return {}


def test_contents_that_the_catalog_lost_are_named(host):
    keep(host, a=b"right")
    history = History(Forgetful(host.catalog), lambda places: iter(()), clock.now)

    with pytest.raises(BlobMissing, match=digest_of(b"right").hex()):
        history.cat("shop", b"a")


def test_two_versions_are_compared_with_a_patch(host, history):
    keep(host, a=b"1\n", gone=b"moved\n")
    keep(host, a=b"2\n", gone=None, came=b"moved\n")

    found = history.diff("shop@1", "shop@2", detail="patch")

    assert named(found) == [("M", "a"), ("R", "came")]
    assert found.changes[0].patch.endswith("@@ -1 +1 @@\n-1\n+2\n")
    assert found.changes[1].old_path == "gone"


def test_one_version_is_compared_with_the_one_before_it(host, history):
    keep(host, a=b"1\n")
    keep(host, a=b"2\n")

    assert named(history.diff(None, "shop")) == [("M", "a")]
    assert history.diff(None, "shop@1").old is None


def test_a_comparison_can_be_turned_around_and_limited(host, history):
    keep(host, a=b"1\n", b=b"1\n")
    keep(host, a=b"2\n", b=None)

    assert named(history.diff("shop@2", "shop@1")) == [("M", "a"), ("A", "b")]
    assert named(history.diff("shop@1", "shop@2", [b"b"])) == [("D", "b")]
    with pytest.raises(NotFound, match="has no c"):
        history.diff("shop@1", "shop@2", [b"b", b"c"])


def test_a_path_is_found_in_every_version_that_had_it(host, history):
    keep(host, a=b"1")
    keep(host, a=b"2")
    keep(host, session="other", a=b"3")

    everywhere = history.find(b"a")
    here = history.find(b"a", ["sho"])

    assert {one.session for one in everywhere.matches} == {"shop", "other"}
    assert [(one.first_seq, one.last_seq) for one in here.matches] == [
        (1, 1),
        (2, None),
    ]
    assert not here.truncated


def test_sessions_are_sorted_before_they_are_cut(host, history):
    keep(host, session="small", a=b"1")
    keep(host, session="large", a=b"1" * 1000)
    keep(host, session="middle", a=b"1" * 100)

    found = history.sessions(sort="size", limit=2)

    assert [one.session for one in found.sessions] == ["large", "middle"]
    assert found.truncated
    oldest = history.sessions(sort="rpo", limit=1)
    assert [one.session for one in oldest.sessions] == ["small"]
