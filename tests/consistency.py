"""What must be true of a catalog and a bucket whenever nobody is at work on them.

Independent of `expokeep check`: it asks Postgres and the bucket itself, in its own SQL.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from expokeep.model.names import SessionId
from expokeep.model.tree import tree_digest
from expokeep.model.version import Selector, Version, VersionRef
from expokeep.store.base import Store

_PACKS = """
SELECT pack.key, pack.size_bytes, pack.state
  FROM expokeep.pack JOIN expokeep.session ON session.id = pack.session
 WHERE %(sessions)s::text[] IS NULL OR session.sid = ANY (%(sessions)s)
"""
_HEADS = """
SELECT sid, head_seq, last_seq,
       ARRAY(SELECT seq FROM expokeep.version
              WHERE version.session = session.id ORDER BY seq) AS seqs
  FROM expokeep.session
 WHERE %(sessions)s::text[] IS NULL OR sid = ANY (%(sessions)s)
"""
_ORPHAN_BLOBS = """
SELECT blob.id, pack.key, pack.state
  FROM expokeep.blob JOIN expokeep.pack ON pack.id = blob.pack
 WHERE pack.state NOT IN ('live', 'retired')
    OR blob.frame_offset + blob.frame_length > pack.size_bytes
"""
_TIPS = """
SELECT session.sid, epoch.number, epoch.tip_seq
  FROM expokeep.epoch JOIN expokeep.session ON session.id = epoch.session
 WHERE epoch.tip_seq IS NOT NULL
   AND NOT EXISTS (SELECT FROM expokeep.version
                    WHERE version.session = epoch.session
                      AND version.seq = epoch.tip_seq
                      AND version.epoch = epoch.number
                      AND version.pack = epoch.tip_pack)
"""
KEPT = frozenset({"live", "retired"})


@dataclass(frozen=True, slots=True)
class Books:
    """A catalog to be audited: by its own words, and by what its tables say."""

    catalog: Any
    dsn: str
    store: Store
    """Past all relays."""
    prefix: str = "v1/main/"
    """Of all packs."""
    reads: bool = True
    """Whether every byte of every object is looked at."""

    def differences(self, sessions: Collection[SessionId] | None = None) -> list[str]:
        """Return what is wrong, in words, of some sessions or of all."""
        found: list[str] = []
        with psycopg.connect(self.dsn, row_factory=dict_row) as connection:
            wanted = {"sessions": None if sessions is None else list(sessions)}
            packs = connection.execute(_PACKS, wanted).fetchall()
            heads = connection.execute(_HEADS, wanted).fetchall()
            found += [
                f"blob {row['id']} lies in {row['state']} {row['key']}, or beyond it"
                for row in connection.execute(_ORPHAN_BLOBS).fetchall()
            ]
            found += [
                f"epoch {row['number']} of {row['sid']} ends with {row['tip_seq']}"
                for row in connection.execute(_TIPS).fetchall()
            ]
        found += self._objects(packs, sessions)
        for row in heads:
            found += self._history(row)
        return found

    def _objects(
        self, packs: list[dict[str, Any]], sessions: Collection[SessionId] | None
    ) -> Iterator[str]:
        under = [self.prefix] if sessions is None else self._prefixes(sessions)
        stored = {
            info.key: info.size_bytes
            for prefix in under
            for info in self.store.list(prefix)
        }
        known = {pack["key"]: pack for pack in packs}
        for key in sorted(stored.keys() - known.keys()):
            yield f"nobody knows the object {key}"
        for key, pack in known.items():
            if pack["state"] not in KEPT:
                continue
            if stored.get(key) != pack["size_bytes"]:
                yield f"{key} is {stored.get(key)} long, not {pack['size_bytes']}"
            elif self.reads and not self._is_what_was_sent(key, pack["size_bytes"]):
                yield f"the bytes of {key} are not those that were sent"

    def _prefixes(self, sessions: Collection[SessionId]) -> list[str]:
        return [f"{self.prefix}{session}/" for session in sessions]

    def _is_what_was_sent(self, key: str, size_bytes: int) -> bool:
        stated = self.store.head(key)
        contents = self.store.get(key, 0, size_bytes)
        return stated is not None and stated.sha256 == hashlib.sha256(contents).digest()

    def _history(self, row: dict[str, Any]) -> Iterator[str]:
        session, seqs = SessionId(row["sid"]), row["seqs"]
        if row["head_seq"] is not None and row["head_seq"] not in seqs:
            yield f"the head of {session} is {row['head_seq']}, which is not kept"
        if seqs and row["last_seq"] < seqs[-1]:
            yield f"the last of {session} is {row['last_seq']}, before {seqs[-1]}"
        for seq in seqs:
            yield from self._version(self._resolved(session, seq))

    def _version(self, version: Version) -> Iterator[str]:
        kept = self.catalog.kept(version)
        name = f"{version.session}@{version.seq}"
        if tree_digest(kept.tree) != version.tree:
            yield f"the tree of {name} is another one"
        wanted = {entry.digest for entry in kept.tree.values() if _is_file(entry)}
        if missing := wanted - kept.places.keys():
            yield f"{len(missing)} contents of {name} are nowhere"

    def _resolved(self, session: SessionId, seq: int) -> Version:
        found: Version = self.catalog.resolve(VersionRef(session, Selector(seq=seq)))
        return found


def _is_file(entry: object) -> bool:
    return hasattr(entry, "digest")


def assert_consistent(
    books: Books, sessions: Collection[SessionId] | None = None
) -> None:
    """Check that what the catalog says is there, and that nothing else is.

    Every live pack has its object, as long as it should be and with the bytes that were
    sent; every object is a known pack; every version has the tree that it says, and
    every content of it a place; heads and tips are versions.
    """
    assert books.differences(sessions) == []
