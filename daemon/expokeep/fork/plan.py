"""Decides what a session has after it went back, whole or in part. Pure."""

from collections.abc import Collection

from expokeep.errors import NotFound
from expokeep.model.names import for_terminal, parents
from expokeep.model.tree import Directory, Entry, Tree


def gone_back(now: Tree, then: Tree, paths: Collection[bytes]) -> dict[bytes, Entry]:
    """Return the tree of a session that goes back.

    Args:
        now: what it has.
        then: what the version has that it goes back to.
        paths: only these, with all that is below them; none means everything. What was
            not there then goes.

    Raises:
        NotFound: neither tree has a path.
    """
    if not paths:
        return dict(then)
    for path in paths:
        if not any(_below(one, [path]) for tree in (now, then) for one in tree):
            raise NotFound(f"neither version has {for_terminal(path)}")
    tree = {path: one for path, one in now.items() if not _below(path, paths)}
    for path in sorted(path for path in then if _below(path, paths)):
        for above in parents(path):
            if not isinstance(tree.get(above), Directory):
                tree[above] = then[above]  # it went since, or is a file by now
        tree[path] = then[path]
    return tree


def _below(path: bytes, tops: Collection[bytes]) -> bool:
    return any(path == top or path.startswith(top + b"/") for top in tops)
