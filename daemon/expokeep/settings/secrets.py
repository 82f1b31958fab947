"""Which words of the settings nobody may read, so that a log can leave them out."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from expokeep.settings import kinds
from expokeep.settings.declare import Setting, parts
from expokeep.settings.urls import passwords
from expokeep.settings.values import Settings

_VARIABLES = ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""What libraries take from the environment, whatever our settings are."""


def secrets_in(settings: Settings, environ: Mapping[str, str]) -> set[str]:
    """Return every secret: as it is given, and what of a URL is one."""
    found = set(_of(settings, Settings))
    found |= {environ[name] for name in _VARIABLES if environ.get(name)}
    return found


def _of(values: Any, of: type[Any]) -> Iterator[str]:
    for part in parts(of).values():
        if part.attribute is None:
            continue
        declared, value = part.declared, getattr(values, part.attribute)
        if isinstance(declared, Setting):
            if isinstance(value, str):
                yield from _of_value(declared, value)
        else:
            for inner in value if declared.many else (value,):
                yield from _of(inner, declared.of)


def _of_value(declared: Setting, value: str) -> Iterator[str]:
    if declared.kind is kinds.DATABASE_URL:
        yield value
        for password in passwords(value):
            yield password
            yield unquote(password)
    elif declared.credential:
        yield value
    elif "://" in value and declared.kind.shown(value) != value:
        # The address of somebody who is told: what is not shown of it is a password.
        address = urlsplit(value)
        yield value
        yield address.path + (f"?{address.query}" if address.query else "")
        yield address.path.rpartition("/")[2]
