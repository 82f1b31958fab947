"""Tells every kept version from the manifests in the bucket alone, and proves it.

What a rebuild stands on, independent of it: which packs tell what is looked up in
Postgres, and what they tell is read from their manifests.
"""

from collections import defaultdict

import psycopg
from psycopg.rows import dict_row

from expokeep.model.tree import patch, tree_digest
from expokeep.pack.reader import manifest_from_head
from expokeep.store.base import Store

_TELLERS = """
SELECT pack.id, pack.key, pack.size_bytes, session.sid, pack.tells_epoch AS epoch,
       pack.tells_from, pack.tells_to
  FROM expokeep.pack JOIN expokeep.session ON session.id = pack.session
 WHERE pack.state = 'live' AND pack.tells_epoch IS NOT NULL
 ORDER BY session.sid, pack.tells_epoch, pack.tells_from, pack.tells_to, pack.id
"""
_VERSIONS = """
SELECT session.sid, version.epoch, version.seq, version.tree,
       coalesce(version.told_by, version.pack) AS teller
  FROM expokeep.version JOIN expokeep.session ON session.id = version.session
"""


def not_told(dsn: str, store: Store) -> list[str]:
    """Return the versions, in words, that the bucket does not tell as they are."""
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        tellers = connection.execute(_TELLERS).fetchall()
        versions = connection.execute(_VERSIONS).fetchall()
    told = _told(tellers, store)
    return [
        f"{row['sid']}@{row['seq']} is told by {row['teller']} as {found}"
        for row in versions
        if (found := told.get((row["teller"], row["seq"]))) != row["tree"]
    ]


def _told(tellers, store):
    """Return the digest of each tree, by the pack that tells it and the seq."""
    told = {}
    ends = defaultdict(dict)  # of each epoch: the tree at the end of a pack, by seq
    for row in tellers:
        chain = ends[row["sid"], row["epoch"]]
        head = store.get(row["key"], 0, row["size_bytes"])
        manifest = manifest_from_head(head)
        is_own = manifest.kind != "merge"
        tree = None
        for snap in manifest.snaps:
            seq = row["tells_from"] if is_own else snap.seq
            if snap.full:
                tree = dict(snap.delta.set)
            else:
                if tree is None:
                    before = max((end for end in chain if end < seq), default=None)
                    tree = {} if before is None else chain[before]
                tree = patch(tree, snap.delta)
            told[row["id"], seq] = tree_digest(tree)
        if tree is not None:
            chain[manifest.snaps[-1].seq if not is_own else row["tells_from"]] = tree
    return told
