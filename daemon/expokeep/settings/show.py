"""Settings as YAML that could be read again; what is secret is `***`."""

import re
from collections.abc import Iterator
from typing import Any

from expokeep.settings.declare import Part, Setting, parts
from expokeep.settings.expand import escape
from expokeep.settings.load import Loaded
from expokeep.settings.values import Settings

_COMMENT_COLUMN = 44
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+-]*(:[A-Za-z0-9_./@+-]+)*")
_NOT_TEXT = ("", "null", "Null", "NULL", "~")


def show(loaded: Loaded, *, sources: bool) -> str:
    """Return all settings, with a comment on each where it came from if asked."""
    where = f"# state-dir: {loaded.settings.state_dir}"
    lines = [(where, "state-dir"), *_section(loaded.settings, Settings, "", "")]
    return "".join(
        f"{line:<{_COMMENT_COLUMN}}  # {loaded.sources[key]}\n"
        if sources and key in loaded.sources
        else f"{line}\n"
        for line, key in lines
    )


def scalar(text: str) -> str:
    """Return text as YAML that is read as this text.

    >>> scalar("0666"), scalar("*.log"), scalar("it's"), scalar("null")
    ('0666', "'*.log'", "'it''s'", "'null'")
    """
    if not text.isprintable():
        return '"' + "".join(_escaped(character) for character in text) + '"'
    if _PLAIN.fullmatch(text) and text not in _NOT_TEXT:
        return text
    return "'" + text.replace("'", "''") + "'"


def _section(
    values: Any, of: type[Any], at: str, indent: str
) -> Iterator[tuple[str, str]]:
    """Yield lines, each with the key that it shows."""
    for part in parts(of).values():
        if part.attribute is None:
            continue
        key, value = at + part.name, getattr(values, part.attribute)
        declared = part.declared
        if isinstance(declared, Setting):
            yield from _setting(part, declared, value, key, indent)
            continue
        yield f"{indent}{part.name}:", ""
        if not declared.many:
            yield from _section(value, declared.of, f"{key}.", f"{indent}  ")
            continue
        for index, item in enumerate(value):
            bullet = f"{indent}  - "
            inner = _section(item, declared.of, f"{key}[{index}].", f"{indent}    ")
            for line, name in inner:
                yield bullet + line[len(bullet) :], name
                bullet = f"{indent}    "


def _setting(
    part: Part, declared: Setting, value: Any, key: str, indent: str
) -> Iterator[tuple[str, str]]:
    if declared.many:
        yield f"{indent}{part.name}:" + ("" if value else " []"), key
        for item in value:
            yield f"{indent}  - {scalar(escape(declared.kind.shown(item)))}", ""
    else:
        shown = "null" if value is None else scalar(escape(declared.kind.shown(value)))
        yield f"{indent}{part.name}: {shown}", key


def _escaped(character: str) -> str:
    if character.isprintable() and character not in '"\\':
        return character
    return f"\\U{ord(character):08x}"
