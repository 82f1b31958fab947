"""The only algorithm: what differs between two trees turns one into the other."""

import os
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.history.changes import changes
from expokeep.model.digest import digest_of
from expokeep.model.documents import entry_document, tree_of
from expokeep.model.names import parents
from expokeep.model.tree import (
    Directory,
    File,
    Link,
    diff,
    patch,
    tree_digest,
    validate,
)

PATHS = st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name)
MODES = st.integers(0, 0o777)
FILES = st.builds(
    lambda contents, mode, mtime_ns: File(
        digest_of(contents), len(contents), mode, mtime_ns
    ),
    st.sampled_from([b"", b"one", b"two"]),
    MODES,
    st.integers(-(2**62), 2**62),
)
LINKS = st.builds(Link, st.binary(min_size=1, max_size=8))
TREES = st.dictionaries(PATHS, FILES | LINKS | st.builds(Directory, MODES), max_size=8)


@given(old=TREES, new=TREES)
def test_patch_undoes_diff(old, new):
    assert patch(old, diff(old, new)) == new


@given(old=TREES, new=TREES)
def test_the_digest_of_a_tree_tells_trees_apart(old, new):
    assert (tree_digest(old) == tree_digest(new)) == (not diff(old, new))


@given(tree=TREES)
def test_a_tree_survives_its_documents(tree):
    told = tree_of(entry_document(path, entry) for path, entry in tree.items())

    assert told == tree
    assert {path: entry.mtime_ns for path, entry in told.items()} == {
        path: entry.mtime_ns for path, entry in tree.items()
    }


@given(old=TREES, new=TREES)
def test_every_file_that_differs_is_told_of_once(old, new):
    found = changes(old, new)

    came = [change.path for change in found if change.new is not None]
    went = [change.old_path or change.path for change in found if change.kind in "DR"]
    delta = diff(old, new)
    assert len(set(came)) == len(came)
    assert {path for path in delta.set if not isinstance(new[path], Directory)} <= set(
        came
    )
    assert {path for path in delta.gone if not isinstance(old[path], Directory)} <= set(
        went
    )


STEPS = st.sampled_from([b"a", b"b", b"..", b".", b"", b"a\0", b"\xff", b"x" * 256])
ODD_PATHS = st.lists(STEPS, min_size=1, max_size=4).map(b"/".join)


@given(path=ODD_PATHS, entry=FILES)
def test_what_is_valid_stays_below_its_root_and_all_else_is_refused(path, entry):
    tree = {**{above: Directory() for above in parents(path)}, path: entry}
    inside = posixpath.normpath(path) == path and not path.startswith((b"/", b".."))

    if inside and path != b"." and b"\0" not in path and b"x" * 256 not in path:
        validate(tree)
        assert os.path.join(b"/top", path) == os.path.normpath(b"/top/" + path)
    else:
        with pytest.raises(ValueError, match=r"unsafe|no directory"):
            validate(tree)


@given(above=FILES | LINKS | st.none(), entry=FILES)
def test_nothing_lies_below_what_is_no_directory(above, entry):
    tree = {b"a/b": entry} if above is None else {b"a": above, b"a/b": entry}

    with pytest.raises(ValueError, match=r"no directory|links to nowhere"):
        validate(tree)


@given(mode=st.integers(0o1000, 0o7777))
def test_a_mode_that_gives_away_more_than_permissions_is_refused(mode):
    for entry in (File(digest_of(b""), 0, mode), Directory(mode)):
        with pytest.raises(ValueError, match="no plain permission"):
            validate({b"a": entry})


@pytest.mark.parametrize("target", [b"", b"a\0b"])
def test_a_link_that_no_kernel_would_make_is_refused(target):
    with pytest.raises(ValueError, match="links to nowhere"):
        validate({b"a": Link(target)})
