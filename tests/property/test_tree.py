"""The only algorithm: what differs between two trees turns one into the other."""

from hypothesis import given
from hypothesis import strategies as st

from expokeep.history.changes import changes
from expokeep.model.digest import digest_of
from expokeep.model.documents import entry_document, tree_of
from expokeep.model.tree import Directory, File, Link, diff, patch, tree_digest

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
