"""Secrets that are easy to recognize, and where somebody could come across them."""

import contextlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql


def canary(name: str) -> str:
    """Return a secret; letters that a URL has to escape are in it."""
    return f"canary-of-{name.replace(' ', '-')}-{uuid.uuid4().hex}"


@dataclass
class Aviary:
    """All canaries of a test, by what they are."""

    canaries: dict[str, str] = field(default_factory=dict)

    def made(self, name: str, ending: str = "") -> str:
        """Make another one."""
        self.canaries[name] = canary(name) + ending
        return self.canaries[name]

    def seen(
        self, places: Mapping[str, str | bytes], but: Iterable[str] = ()
    ) -> list[tuple[str, str]]:
        """Return which canary is seen where, but for those that may be there."""
        return [
            (name, place)
            for place, said in places.items()
            for name, secret in self.canaries.items()
            if name not in but and _holds(said, secret)
        ]


def _holds(said: str | bytes, secret: str) -> bool:
    text = said if isinstance(said, bytes) else said.encode(errors="surrogateescape")
    spellings = {
        secret,
        quote(secret, safe=""),
        secret.encode().hex(),
        # A piece is a leak as well: what masks may have stopped at an odd letter.
        *re.findall(r"[0-9a-f]{32}", secret),
    }
    return any(spelling.encode() in text for spelling in spellings)


def files_below(*tops: Path) -> dict[str, bytes]:
    """Return the contents of every file below directories, and its name."""
    return {
        str(path): os.fsencode(path) + path.read_bytes()
        for top in tops
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def rows_of(database_url: str, schema: str = "expokeep") -> dict[str, str]:
    """Return every row of every table, as text."""
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE'",
            [schema],
        ).fetchall()
        return {
            f"table {name}": str(
                connection.execute(
                    sql.SQL("SELECT t::text FROM {}.{} AS t").format(
                        sql.Identifier(schema), sql.Identifier(name)
                    )
                ).fetchall()
            )
            for (name,) in tables
        }


def shown_of(pid: int, *, environ: bool = True) -> dict[str, bytes]:
    """Return what /proc shows of a process: its words, its name and its variables."""
    shown: dict[str, bytes] = {}
    for name in ("cmdline", "comm", *(["environ"] if environ else [])):
        try:
            shown[f"{pid} {name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return shown


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes that a process has begun, and those that they have."""
    gone = (FileNotFoundError, ProcessLookupError)
    tasks: list[Path] = []
    with contextlib.suppress(*gone):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    for task in tasks:
        children = ""
        with contextlib.suppress(*gone):
            children = (task / "children").read_text()
        for child in map(int, children.split()):
            yield child
            yield from descendants(child)
