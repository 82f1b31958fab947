"""Writes the reference: every key with its meaning, range, default and how it is set.

`python -m expokeep.settings.reference > docs/CONFIGURATION.md`
"""

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from expokeep.settings.declare import Section, Setting, parts
from expokeep.settings.renewing import LIVE
from expokeep.settings.values import Settings

_HEAD = """\
# Configuration

Every key of `/etc/expokeep/expokeep.yaml`. Written by `make docs` from the
declarations in `daemon/expokeep/settings`: do not edit it.
[config/expokeep.example.yaml](../config/expokeep.example.yaml) has the same as a file
to copy from; `man expokeep.yaml` as a page. `expokeep config show --sources` says
what holds here, and why.

A flag beats the environment, the environment beats the file, the file beats the
default. `${VAR}` and `${VAR:-default}` in the file stand for variables of the
environment. Times are whole numbers with `ms`, `s`, `m`, `h` or `d`; sizes with `B`,
`KB`, `MB`, `GB` or `TB`, and count in 1024s. `[]` in a key stands for a list.

*Reload*: yes, it holds as soon as `expokeep reload` (or `systemctl reload expokeepd`)
has read it; no, it takes a restart. A secret is better in a file of its own: the key
that ends in `-file` names it, and in the service systemd's `LoadCredential=` by the
name in the column *credential*. All keys are there since release 0.1.0.
"""


def reference() -> str:
    """Return the text of the page."""
    return "".join([_HEAD, *_section(Settings, "", "General")])


def _section(of: type[Any], at: str, title: str) -> Iterator[str]:
    """Yield a section with its own keys, and then those below it."""
    yield f"\n## {title}\n"
    if at:
        yield f"\n{_cell(' '.join(inspect.cleandoc(of.__doc__ or '').split()))}\n"
    rows = [
        _row(f"{at}{name}", part.declared)
        for name, part in parts(of).items()
        if isinstance(part.declared, Setting)
    ]
    yield "\n| key | means | allowed | default | environment | reload |\n"
    yield "|---|---|---|---|---|---|\n"
    yield from rows
    for name, part in parts(of).items():
        if isinstance(part.declared, Section):
            many = "[]" if part.declared.many else ""
            key = f"{at}{name}{many}"
            yield from _section(part.declared.of, f"{key}.", f"`{key}`")


def _row(key: str, declared: Setting) -> str:
    allowed = declared.kind.allowed
    if declared.many:
        allowed = f"a list; each is {allowed}"
    variable = f"`{declared.env}`" if declared.env else ""
    if declared.credential:
        variable += f", credential `{declared.credential}`"
    reload = "yes" if key in LIVE else "no"
    said = _cell(declared.why), _cell(allowed), _default(declared)
    return f"| {' | '.join((f'`{key}`', *said, variable, reload))} |\n"


def _default(declared: Setting) -> str:
    if isinstance(declared.default, tuple):
        shown = ", ".join(f"`{_escaped(one)}`" for one in declared.default)
        return shown or "none"
    return f"`{_escaped(declared.default)}`" if declared.default else "not set"


def _cell(text: str) -> str:
    """Return text as it may stand in a table.

    >>> _cell("a|b <sid>")
    'a\\\\|b &lt;sid>'
    """
    return _escaped(text).replace("<", "&lt;")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
