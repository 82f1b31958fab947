"""What a project calls itself: `expo.name` of app.json, or `name` of package.json."""

from collections.abc import Mapping

import msgspec

MAX_NAME = 200
NAMED_IN = (b"app.json", b"package.json")


def project_name(contents: Mapping[bytes, bytes]) -> str | None:
    """Return the name that a project gives itself in these files, if it does.

    Both files are a person's, and may hold anything.

    >>> project_name({b"app.json": b'{"expo": {"name": "Shop"}}'})
    'Shop'
    >>> project_name({b"app.json": b"{", b"package.json": b'{"name": "shop"}'})
    'shop'
    """
    app = _object(contents.get(b"app.json", b""))
    package = _object(contents.get(b"package.json", b""))
    expo = app.get("expo")
    for name in (
        expo.get("name") if isinstance(expo, dict) else None,
        package.get("name"),
    ):
        if isinstance(name, str) and name.strip():
            return name.strip().replace("\0", "")[:MAX_NAME]
    return None


def _object(raw: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
