"""Reads the file: YAML to text by dotted key, with the line that each stands on.

Knows which keys exist, and nothing about values: those stay text. Everything that is
wrong is reported, not only the first.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from expokeep.concealing import without_chance
from expokeep.errors import ConfigError
from expokeep.settings.declare import Part, Section, keys, parts
from expokeep.settings.values import Settings

MAX_FILE_BYTES = 1024 * 1024

_QUOTED = re.compile(r"""(['"])(?!<).{2,}\1""", re.DOTALL)
"""What PyYAML quotes of a text; single characters and its `<words>` are harmless."""
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it stands in the file, and where."""

    value: "str | tuple[Given, ...]"
    """Text, or the texts of a list."""
    line: int


@dataclass(slots=True)
class Document:
    """What a file says, and what is wrong with how it says it."""

    name: str
    """As it is called in messages."""
    given: dict[str, Given] = field(default_factory=dict)
    """By dotted key, `watch[0].dir` in lists. What is null is left out."""
    counts: dict[str, int] = field(default_factory=dict)
    """How many items each list of sections has."""
    errors: list[str] = field(default_factory=list)

    def complain(self, line: int, text: str) -> None:
        """Note an error."""
        self.errors.append(f"{self.name}:{line}: {text}")


def read(path: Path) -> Document:
    """Return what the file at `path` says.

    Raises:
        ConfigError: there is no such file, or it is not YAML at all.
    """
    try:
        with path.open("rb") as file:
            contents = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if len(contents) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    return parse(contents, str(path))


def parse(contents: bytes, name: str) -> Document:
    """Return what `contents` say; `name` is for messages.

    Raises:
        ConfigError: it is not YAML at all.
    """
    document = Document(name)
    root = _compose(contents, name)
    if root is not None and root.tag != _NULL:
        _read_section(document, root, Settings, "")
    return document


def _compose(contents: bytes, name: str) -> yaml.Node | None:
    try:
        # Nodes rather than values: they have lines, and `no` and `0666` are still text.
        # The text is decoded here, because PyYAML's own errors would quote it.
        root: yaml.Node | None = yaml.compose(contents.decode(), yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        # Never str(error): it quotes the line, and with it perhaps a secret. So may the
        # name of an alias, if the secret begins with *.
        problem = _QUOTED.sub("'...'", str(error.problem))
        raise ConfigError(f"{name}:{line}: not YAML: {problem}") from None
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        # A control character, an impossible escape (PyYAML lets `chr` complain), or
        # brackets without end.
        raise ConfigError(f"{name}: not YAML: something in it cannot be read") from None
    return root


def _read_section(document: Document, node: yaml.Node, of: type[Any], at: str) -> None:
    """Read the keys of one section; `at` is what their dotted keys begin with."""
    if not isinstance(node, yaml.MappingNode):
        where = f"{at.rstrip('.')}: " if at else ""
        document.complain(_line(node), f"{where}write keys here, as in `key: value`")
        return
    known = parts(of)
    seen: dict[str, int] = {}
    for key_node, value in node.value:
        name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
        line = _line(key_node)
        if name not in known:
            document.complain(line, _unknown(name, at, list(known)))
        elif name in seen:
            first = f"the first is on line {seen[name]}"
            document.complain(line, f"{at}{name}: given twice; {first}")
        else:
            seen[name] = line
            _read_part(document, value, known[name], at + name)


def _read_part(document: Document, node: yaml.Node, part: Part, key: str) -> None:
    if node.tag == _NULL:
        return
    declared = part.declared
    if not isinstance(declared, Section):
        is_alone = declared.kind.alone and isinstance(node, yaml.ScalarNode)
        _read_value(document, node, key, many=declared.many and not is_alone)
    elif not declared.many:
        _read_section(document, node, declared.of, f"{key}.")
    elif isinstance(node, yaml.SequenceNode) and node.value:
        document.counts[key] = len(node.value)
        for index, item in enumerate(node.value):
            _read_section(document, item, declared.of, f"{key}[{index}].")
    else:
        document.complain(
            _line(node), f"{key}: write a list of at least one, with `- `"
        )


def _read_value(document: Document, node: yaml.Node, key: str, *, many: bool) -> None:
    if many and isinstance(node, yaml.SequenceNode):
        items = tuple(_scalars(document, node, key))
        document.given[key] = Given(items, _line(node))
    elif not many and isinstance(node, yaml.ScalarNode):
        document.given[key] = Given(str(node.value), _line(node))
    else:
        wanted = "a list of values, with `- `" if many else "one value"
        document.complain(_line(node), f"{key}: write {wanted}")


def _scalars(document: Document, node: yaml.SequenceNode, key: str) -> Iterator[Given]:
    for index, item in enumerate(node.value):
        if isinstance(item, yaml.ScalarNode):
            yield Given(str(item.value), _line(item))
        else:
            document.complain(_line(item), f"{key}[{index}]: write one value")


def _unknown(name: str, at: str, known: list[str]) -> str:
    elsewhere = [key for key in keys(Settings) if key.rpartition(".")[2] == name]
    near = [f"{at}{other}" for other in difflib.get_close_matches(name, known, n=1)]
    is_harmless = name.isprintable() and len(name) <= 60
    shown = without_chance(name) if is_harmless else "?"
    hint = near or elsewhere
    meant = f"; did you mean {hint[0]}?" if hint else f"; known are {', '.join(known)}"
    return f"{at}{shown}: there is no such setting{meant}"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
