"""Finding paths by a glob, over everything that was ever kept.

Names are bytes, and what a glob means is decided here and not by Postgres: nothing that
a person types becomes a pattern there.
"""

import fnmatch
from collections.abc import Iterator, Sequence
from itertools import islice

from psycopg import Connection
from psycopg.rows import TupleRow

from expokeep.catalog.history import History
from expokeep.catalog.values import Found
from expokeep.model.names import SessionId

_PATHS_AT_ONCE = 500


def found(
    connection: Connection[TupleRow], glob: bytes, sessions: Sequence[SessionId]
) -> Iterator[Found]:
    """Yield every entry that a matching path ever had, a batch of paths at a time."""
    history = History(connection)
    hits = (path for path, name in history.names(sessions) if matches(name, glob))
    while batch := list(islice(hits, _PATHS_AT_ONCE)):
        yield from history.lives(batch)


def matches(name: bytes, glob: bytes) -> bool:
    """Return whether a glob fits a path, or its last part if the glob has no `/`.

    >>> matches(b"src/App.js", b"*.js"), matches(b"src/App.js", b"lib/*.js")
    (True, False)
    >>> matches(b"src/App.js", b"src/*"), matches(b"src/App.js", b"src")
    (True, False)
    """
    subject = name if b"/" in glob else name.rpartition(b"/")[2]
    return fnmatch.fnmatchcase(subject, glob)
