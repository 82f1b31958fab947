"""Settings that are read again while a daemon runs: what can follow, and what cannot.

Settings are frozen for all who hold them, and all hold the same. Only `renew` writes
into them: whoever asks at each use has the new value at the next one.
"""

import dataclasses
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from expokeep.settings.declare import Section, parts
from expokeep.settings.values import Settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Held = TypeVar("Held", bound="DataclassInstance")

LIVE = frozenset(
    {
        "check.read-data-subset",
        "compression",
        "debounce.deletion-grace",
        "debounce.max-wait",
        "debounce.quiet",
        "drill.max-bytes-per-day",
        "drill.max-per-day",
        "guard.max-delete-percent",
        "guard.min-files-lost",
        "hooks.after-restore",
        "hung-after",
        "heartbeat-interval",
        "heartbeat-url",
        "limits.max-build-size-mb",
        "limits.max-builds-per-user",
        "limits.on-build-too-big",
        "limits.on-too-many-builds",
        "logging.level",
        "logging.type",
        "max-file-size",
        "max-sessions",
        "max-sessions-per-uid",
        "objective",
        "reconcile-interval",
        "retention.days",
        "retention.grace",
        "retention.keep-daily",
        "retention.keep-hourly",
        "retention.keep-labels",
        "retention.keep-last",
        "retention.keep-weekly",
        "retention.warn-before",
        "shutdown.flush-timeout",
        "spool.max-size",
    }
)
"""What holds as soon as it is read again. All else takes a restart: it is in watches,
connections and threads that exist."""


def differing(old: Settings, new: Settings) -> list[str]:
    """Return the dotted keys whose values differ; secrets by their names, too."""
    before, after = dict(_flat(old, Settings, "")), dict(_flat(new, Settings, ""))
    keys = [*before, *(key for key in after if key not in before)]
    missing = object()
    return [key for key in keys if before.get(key, missing) != after.get(key, missing)]


def renew(settings: Settings, new: Settings, keys: Collection[str]) -> None:
    """Let settings have the new values of these keys."""
    for key in keys:
        _write(settings, new, key.split("."))


def become(held: Held, new: Held) -> None:
    """Let frozen values that many hold have the values of others of their kind."""
    for one in dataclasses.fields(held):
        object.__setattr__(held, one.name, getattr(new, one.name))


def _write(old: Any, new: Any, names: list[str]) -> None:
    attribute = parts(type(old))[names[0]].attribute
    assert attribute is not None  # noqa: S101 - a key with a value has one
    value = getattr(new, attribute)
    if len(names) > 1:
        inner = dataclasses.replace(getattr(old, attribute))
        _write(inner, value, names[1:])
        value = inner
    object.__setattr__(old, attribute, value)


def _flat(values: Any, of: type[Any], at: str) -> Iterator[tuple[str, Any]]:
    for part in parts(of).values():
        if part.attribute is None:
            continue
        key, value = at + part.name, getattr(values, part.attribute)
        if not isinstance(part.declared, Section):
            yield key, value
        elif part.declared.many:
            for index, item in enumerate(value):
                yield from _flat(item, part.declared.of, f"{key}[{index}].")
        else:
            yield from _flat(value, part.declared.of, f"{key}.")
