"""Trees of old versions, names that are bytes, and finding them again."""

import hashlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cataloging import SHOP, Scribe, a_file
from expokeep.catalog.values import Found
from expokeep.clock import uuid7
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.tree import Directory, Link, tree_digest

names = st.sampled_from(
    [b"a", b"b", b"src/App.js", b"caf\xc3\xa9", b"\xff\xfe", b"a\nb", b"%s\\'\""]
)
entries = st.one_of(
    st.builds(
        a_file, st.sampled_from([b"", b"1", b"2"]), st.sampled_from([0o644, 0o755])
    ),
    st.builds(Link, st.sampled_from([b"a", b"\xff"])),
    st.builds(Directory, st.sampled_from([0o755, 0o700])),
)
trees = st.dictionaries(names, entries, max_size=7)
histories = st.lists(st.tuples(st.sampled_from([1, 2]), trees), min_size=1, max_size=8)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories)
# Two lives with one path: what ends in one goes on in the other.
@example(
    history=[
        (1, {b"a": a_file(b"1")}),
        (2, {b"a": a_file(b"2")}),
        (2, {}),
        (1, {b"a": a_file(b"1"), b"b": a_file(b"2")}),
    ]
)
def test_every_old_version_keeps_its_tree(catalog, history):
    sid = SessionId(str(uuid7()))
    scribes = {inode: Scribe(catalog, sid, inode=inode) for inode in (1, 2)}
    recorded = [(scribes[inode].record(tree), tree) for inode, tree in history]

    for version, tree in recorded:
        kept = catalog.kept(version)
        assert kept.tree == tree
        assert tree_digest(catalog.tree(version)) == version.tree


def test_a_name_may_be_as_long_as_linux_allows(catalog):
    noise = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(64))
    names = [noise[:4095] + last for last in (b"a", b"b")]
    tree = {name: a_file(name) for name in names}
    scribe = Scribe(catalog)
    scribe.record(tree)

    version = scribe.record({names[1]: a_file(b"new")})

    assert catalog.tree(version) == {names[1]: a_file(b"new")}


def test_an_empty_project_is_a_project(catalog):
    version = Scribe(catalog).record({})

    assert catalog.tree(version) == {}
    assert catalog.kept(version).places == {}


def test_places_tell_where_contents_are(catalog):
    tree = {b"a": a_file(b"a"), b"b": a_file(b"b")}
    version = Scribe(catalog).record(tree)

    places = catalog.places([tree[b"a"].digest, digest_of(b"never seen")])

    assert places == {
        tree[b"a"].digest: catalog.kept(version).places[tree[b"a"].digest]
    }


@pytest.fixture
def history(catalog):
    """Three lives of a path, and names around it."""
    scribe = Scribe(catalog)
    scribe.record({b"src/App.js": a_file(b"1"), b"App.css": a_file(b"c")})
    Scribe(catalog, inode=2).record({b"lib/App.js": Link(b"x")})
    scribe.record({b"src/App.js": a_file(b"2"), b"App.css": a_file(b"c")})
    scribe.record({b"App.css": a_file(b"c")})
    Scribe(catalog, SessionId("other"), inode=3).record({b"\xff.js": Directory()})
    return catalog


def test_find_tells_every_life_of_a_path(history):
    assert list(history.find(b"src/*", [SHOP])) == [
        Found(SHOP, b"src/App.js", a_file(b"1"), epoch=1, first_seq=1, last_seq=1),
        Found(SHOP, b"src/App.js", a_file(b"2"), epoch=1, first_seq=3, last_seq=3),
    ]


def test_find_looks_at_the_last_part_unless_the_glob_has_a_slash(history):
    def paths(glob, *sessions):
        return sorted({found.path for found in history.find(glob, sessions)})

    assert paths(b"App.*") == [b"App.css", b"lib/App.js", b"src/App.js"]
    assert paths(b"*/App.js") == [b"lib/App.js", b"src/App.js"]
    assert paths(b"*.js", SessionId("other")) == [b"\xff.js"]
    assert paths(b"app.*") == []


def test_what_is_still_there_has_no_last_version(history):
    (found,) = history.find(b"App.css")

    assert (found.first_seq, found.last_seq) == (1, None)


def test_a_search_may_be_left_early(history):
    search = history.find(b"*")
    next(search)

    search.close()

    assert len(list(history.find(b"*"))) == 5
