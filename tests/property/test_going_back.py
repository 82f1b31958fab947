"""A session that goes back in part has a tree that can be written to a disk."""

from hypothesis import given
from hypothesis import strategies as st

from expokeep.errors import NotFound
from expokeep.fork.plan import gone_back
from expokeep.model.digest import digest_of
from expokeep.model.names import parents
from expokeep.model.tree import Directory, File, Link, validate

NAMES = st.sampled_from([b"a", b"b", b"c"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
LEAVES = st.one_of(
    st.binary(max_size=2).map(lambda some: File(digest_of(some), len(some))),
    st.sampled_from([Link(b"a"), Directory(), Directory(0o700)]),
)


@st.composite
def trees(draw):
    """Draw trees whose leaves have directories above them."""
    tree = {}
    for path, leaf in draw(st.dictionaries(PATHS, LEAVES, max_size=8)).items():
        above = parents(path)
        if any(not isinstance(tree.get(up, Directory()), Directory) for up in above):
            continue
        tree |= {up: Directory() for up in above if up not in tree}
        if not any(other.startswith(path + b"/") for other in tree):
            tree[path] = leaf
    return tree


def is_below(path, tops):
    return any(path == top or path.startswith(top + b"/") for top in tops)


@given(trees(), trees(), st.lists(PATHS, max_size=3))
def test_what_is_named_is_as_it_was_and_the_rest_as_it_is(now, then, paths):
    try:
        back = gone_back(now, then, paths)
    except NotFound:
        known = [*now, *then]
        assert not all(any(is_below(one, [top]) for one in known) for top in paths)
        return
    validate(back)
    if not paths:
        assert back == then
        return
    for path in {*now, *then, *back}:
        if is_below(path, paths):
            assert back.get(path) == then.get(path)
        elif any(is_below(one, [path]) and one in then for one in paths):
            assert isinstance(back[path], Directory)
        else:
            assert back.get(path) == now.get(path)
