"""Writes the example: every setting that exists, with its reason, range and default.

`python -m expokeep.settings.example > config/expokeep.example.yaml`
"""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from expokeep.settings.declare import Setting, parts
from expokeep.settings.show import scalar
from expokeep.settings.values import Settings

_WIDTH = 79

_HEAD = """\
Settings of expokeepd: all that exist in this release, each at its default. Copy
what you change to /etc/expokeep/expokeep.yaml and leave out the rest; `expokeepd
--check-config` tells whether it is right, `expokeep config show --sources` what
holds in the end and why.

A flag beats the environment, the environment beats this file, this file beats the
default. ${VAR} and ${VAR:-default} stand for variables of the environment; an empty
variable is as good as none, and $${ is the text ${. null means: not set.
EXPOKEEP_STATE_DIR and EXPOKEEP_SOCKET always have a value here; without one of
yours, the state directory is /var/lib/expokeep for root and the service, and
~/.local/state/expokeep for other users.

Times are whole numbers with ms, s, m, h or d. Sizes are whole numbers with B, KB,
MB, GB or TB, and count in 1024s.
"""


def example() -> str:
    """Return the text of the example. It parses to the defaults."""
    head = [f"# {line}".rstrip() for line in _HEAD.splitlines()]
    return "\n".join([*head, *_section(Settings, "")]) + "\n"


def _section(of: type[Any], indent: str) -> Iterator[str]:
    for part in parts(of).values():
        declared = part.declared
        if isinstance(declared, Setting):
            yield from _setting(part.name, declared, indent)
            continue
        yield ""
        yield from _comment(f"--- {declared.why}", indent)
        yield f"{indent}{part.name}:"
        if declared.many:
            yield f"{indent}  -"
        yield from _section(declared.of, indent + ("    " if declared.many else "  "))


def _setting(name: str, declared: Setting, indent: str) -> Iterator[str]:
    if not indent:
        yield ""
    yield from _comment(declared.why, indent)
    yield from _comment(_range(declared), indent)
    if isinstance(declared.default, tuple):
        yield f"{indent}{name}:"
        yield from (f"{indent}  - {scalar(item)}" for item in declared.default)
    else:
        yield f"{indent}{name}: {_value(declared)}"


def _range(declared: Setting) -> str:
    allowed = declared.kind.allowed
    words = [f"{allowed[0].upper()}{allowed[1:]}."]
    if declared.many:
        words = [f"A list; each is {allowed}."]
    elif declared.default is None:
        words.append("Not set by default.")
    else:
        words.append(f"Default: {declared.default}.")
    if declared.env:
        words.append(f"Environment: {declared.env}.")
    return " ".join(words)


def _value(declared: Setting) -> str:
    default = str(declared.default or "")
    if "${" in default:
        return default
    if declared.env:
        return f"${{{declared.env}:-{default}}}" if default else f"${{{declared.env}}}"
    return scalar(default) if default else "null"


def _comment(text: str, indent: str) -> list[str]:
    lead = f"{indent}# "
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=lead,
        subsequent_indent=lead,
        break_on_hyphens=False,
        break_long_words=False,
    )


if __name__ == "__main__":
    sys.stdout.write(example())
