"""Asks flag, environment, file and default for each setting; the first answer counts.

All that is given is checked, also what something else overrides. Errors are collected:
an operator who made three mistakes should need one run to see them.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from expokeep.concealing import concealed, without_chance
from expokeep.settings.declare import Setting, parts
from expokeep.settings.document import Document, Given
from expokeep.settings.expand import expand
from expokeep.settings.kinds import PATH
from expokeep.settings.urls import masked

MAX_SECRET_BYTES = 64 * 1024

_FROM_SYSTEMD = (
    "; `systemctl cat expokeepd` says by LoadCredential= from which file systemd"
    " takes it"
)
_QUOTED_CHARACTERS = 80
"""A value that is longer is cut where a message quotes it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from."""

    kind: Literal["default", "file", "env", "flag", "secret file"]
    where: str = ""
    """FILE:LINE, the name of a variable, or the path of a secret's file."""

    def __str__(self) -> str:
        """Return it as people read it: `env R2_ENDPOINT`, `expokeep.yaml:12`."""
        return (
            self.where if self.kind == "file" else f"{self.kind} {self.where}".strip()
        )


DEFAULT = Source("default")
FLAG = Source("flag")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of the four says about a setting."""

    source: Source
    texts: tuple[tuple[str, Source], ...]
    """One, or those of a list; each with its own line."""
    expanded: bool = False
    """Whether `${VAR}` in it stands for a variable."""


@dataclass(slots=True)
class Gathering:
    """One run through the declaration, with what was found on the way."""

    flags: Mapping[str, tuple[str, ...]]
    environ: Mapping[str, str]
    document: Document
    variables: Mapping[str, str]
    """What `${VAR}` stands for: the environment, and what defaults are made of."""
    sources: dict[str, Source] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    overridden: dict[str, Source] = field(default_factory=dict)
    """Where the file says something else than what holds."""

    def section(self, of: type[Any], at: str) -> dict[str, Any]:
        """Return the values of a section by attribute.

        Where there were errors, values are missing: look at `errors` before using them.
        """
        values: dict[str, Any] = {}
        for part in parts(of).values():
            key, declared = at + part.name, part.declared
            if part.attribute is None:
                continue
            if isinstance(declared, Setting):
                values[part.attribute] = self._setting(key, declared)
            elif declared.many:
                indexes = range(self.document.counts.get(key, 1))
                values[part.attribute] = tuple(
                    declared.of(**self.section(declared.of, f"{key}[{index}]."))
                    for index in indexes
                )
            else:
                inner = self.section(declared.of, f"{key}.")
                values[part.attribute] = declared.of(**inner)
        return values

    def _setting(self, key: str, declared: Setting) -> Any:
        chosen: Any = None
        for answer in self._answers(key, declared):
            value = self._parsed(key, declared, answer)
            if value is not None and key not in self.sources:
                chosen, self.sources[key] = value, answer.source
            elif answer.source.kind == "file" and value not in (None, chosen):
                self.overridden[key] = answer.source
        self.sources.setdefault(key, DEFAULT)
        return chosen

    def _answers(self, key: str, declared: Setting) -> Iterator[Answer]:
        """Yield what is said about a setting, the strongest first."""
        if key in self.flags:
            yield Answer(FLAG, tuple((text, FLAG) for text in self.flags[key]))
        variable = declared.env or ""
        if in_env := self.environ.get(variable):  # an empty one is as good as none
            source = Source("env", variable)
            yield Answer(source, ((in_env, source),))
        given = self.document.given.get(key)
        # `${R2_ENDPOINT}` in the file is the same answer again, not one to check twice.
        if given and not (in_env and f"${{{variable}" in str(given.value)):
            yield self._in_file(given)
        # A secret is not fetched in vain: whoever overrides it may have no right to.
        if declared.credential and key not in self.sources:
            yield from self._in_secret_file(f"{key}-file", declared.credential)
        if declared.default is not None:
            texts = declared.default if declared.many else (str(declared.default),)
            yield Answer(
                DEFAULT, tuple((text, DEFAULT) for text in texts), expanded=True
            )

    def _in_file(self, given: Given) -> Answer:
        items = given.value if isinstance(given.value, tuple) else (given,)
        texts = tuple((str(item.value), self._line(item)) for item in items)
        return Answer(self._line(given), texts, expanded=True)

    def _in_secret_file(self, key: str, credential: str) -> Iterator[Answer]:
        path: Path | None = None
        place = Source("env", "CREDENTIALS_DIRECTORY")
        if given := self.document.given.get(key):
            path = self._parsed(key, Setting(PATH, None, ""), self._in_file(given))
            place = self._line(given)
        elif directory := self.environ.get("CREDENTIALS_DIRECTORY"):
            path = Path(directory) / credential
            if not os.access(path, os.F_OK):  # it need not provide every secret
                return
        if path is None:
            return
        try:
            contents = secret_in(path)
        except ValueError as error:
            where = "" if key in self.document.given else _FROM_SYSTEMD
            self.errors.append(f"{place}: {key}: {error}{where}")
        else:
            source = Source("secret file", str(path))
            yield Answer(source, ((contents, source),))

    def _line(self, given: Given) -> Source:
        return Source("file", f"{self.document.name}:{given.line}")

    def _parsed(self, key: str, declared: Setting, answer: Answer) -> Any:
        """Return a value, or None: it says "not set", or is an error, now noted."""
        if not declared.many:
            text, place = answer.texts[0]
            return self._one(
                f"{place}: {key}", declared, text, expanded=answer.expanded
            )
        values = tuple(
            self._one(
                f"{place}: {key}[{index}]", declared, text, expanded=answer.expanded
            )
            for index, (text, place) in enumerate(answer.texts)
        )
        return None if None in values else values

    def _one(self, where: str, declared: Setting, text: str, *, expanded: bool) -> Any:
        shown = _quoted(text, declared)
        try:
            value = expand(text, self.variables) if expanded else text
        except ValueError as error:
            self.errors.append(f"{where}: {error}")
            return None
        if value is None:
            return None
        if value != text:
            shown = f"{_quoted(value, declared)} (from {shown})"
        try:
            return declared.kind.parse(value)
        except ValueError:
            self.errors.append(f"{where}: {shown} is not {declared.kind.allowed}")
            return None


def secret_in(path: Path) -> str:
    """Return the secret that a file holds, without the white space around it.

    Raises:
        ValueError: it cannot be read, or is no text; the message never quotes it.
    """
    try:
        with path.open("rb") as file:
            contents = file.read(MAX_SECRET_BYTES).decode().strip()
    except OSError as error:
        shown = without_chance(str(path))
        raise ValueError(f"cannot read {shown}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text") from None
    if not contents:
        raise ValueError(f"{path} is empty")
    return contents


def _quoted(text: str, declared: Setting) -> str:
    if declared.credential or declared.kind.is_private:
        return "what is given"
    # Here a secret may be that belongs to another key.
    shown = repr(without_chance(concealed(masked(text))))
    if len(shown) > _QUOTED_CHARACTERS:
        return f"{shown[:_QUOTED_CHARACTERS]}..."
    return shown
