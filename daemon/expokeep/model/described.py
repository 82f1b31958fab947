"""What a project's app.json and package.json say that is of use beyond the project."""

from typing import Any

import msgspec

DESCRIBED_IN = (b"app.json", b"package.json")
MOST_BYTES = 1_000_000
"""Of a file that is read for what it says."""
_MOST_KEPT_BYTES = 262_144
_LONGEST_NAME = 200
_DEEPEST = 24
_LARGEST = 2**63


def described(raw: bytes) -> bytes:
    """Return the parts of such a file that are used, as JSON that any database takes.

    It is a person's file, and may hold anything: what cannot be used is left out.

    >>> described(b'{"expo": {"name": "Shop"}, "scripts": {}}')
    b'{"expo":{"name":"Shop"}}'
    >>> described(b'{"name": "shop", "dependencies": {"expo": "~53.0.0"}}')
    b'{"name":"shop","dependencies":{"expo":"~53.0.0"}}'
    >>> described(b'{"expo": '), described(b"[1]")
    (b'{}', b'{}')
    """
    found = _object(raw)
    parts: dict[str, object] = {}
    if isinstance(name := found.get("name"), str):
        parts["name"] = _plain(name[:_LONGEST_NAME], 0)
    for key in ("dependencies", "expo"):
        if isinstance(part := found.get(key), dict):
            parts[key] = _plain(part, 0)
    encoded = msgspec.json.encode(parts)
    return encoded if len(encoded) <= _MOST_KEPT_BYTES else b"{}"


def _object(raw: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _plain(value: Any, depth: int) -> object:
    """Return a value without what Postgres refuses in JSON."""
    if depth > _DEEPEST:
        return None
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {
                key.replace("\0", ""): _plain(part, depth + 1)
                for key, part in value.items()
            }
        case list():
            return [_plain(part, depth + 1) for part in value]
        case int() if abs(value) >= _LARGEST:
            return None
    return value
