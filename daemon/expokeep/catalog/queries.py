"""Reads the SQL that lies beside a module, query by query.

`-- name: record` in `versions.sql` is what the method `record` of `versions.py` runs.
A file of ours is code: it is read when its module is imported. Long arrays are written
`%(names)b`, for in binary: as text they cost us four times as much.
"""

import re
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"^-- name: (?P<name>[a-z_]+)$", re.MULTILINE)


def beside(module_file: str) -> Mapping[str, str]:
    """Return the queries of `x.sql` for the module `x.py`, by name."""
    return parsed(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"))


def parsed(text: str) -> dict[str, str]:
    r"""Return the queries in `text` by name; comments stay, and tell a DBA what runs.

    >>> parsed("-- name: one\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")
    {'one': 'SELECT 1;', 'two': 'SELECT 2;'}

    Raises:
        ValueError: two queries have one name.
    """
    _, *parts = _NAME.split(text)
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"a name is used twice: {sorted(names)}")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}
