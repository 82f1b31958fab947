"""What the man pages say of settings and of the environment: all that is declared."""

from collections.abc import Iterator
from typing import Any

from expokeep.cli import roff
from expokeep.settings.declare import Section, Setting, parts
from expokeep.settings.values import Settings

OF_CLIENTS = {
    "EXPOKEEP_AS": "On whose behalf an operator asks, as --as.",
    "EXPOKEEP_CONFIG": "The configuration file, as --config.",
    "EXPOKEEP_SOCKET": "The control socket, as --socket.",
    "EXPOKEEP_STATE_DIR": "The state directory, as --state-dir.",
    "NO_COLOR": "If it is not empty, nothing is printed in colour.",
}


def declared(of: type[Any] = Settings, at: str = "") -> Iterator[tuple[str, Setting]]:
    """Yield every setting by its dotted key."""
    for name, part in parts(of).items():
        if isinstance(part.declared, Section):
            more = "[]" if part.declared.many else ""
            yield from declared(part.declared.of, f"{at}{name}{more}.")
        else:
            yield f"{at}{name}", part.declared


def settings() -> str:
    """Return every setting with its meaning, its default and its variable."""
    return "".join(roff.term(key, _meaning(one)) for key, one in declared())


def environment() -> str:
    """Return every variable that is read."""
    named = dict(OF_CLIENTS)
    for key, one in declared():
        if one.env is not None:
            named.setdefault(one.env, f"The setting {key}.")
    return "".join(roff.term(name, named[name]) for name in sorted(named))


def _meaning(one: Setting) -> str:
    default = ""
    if isinstance(one.default, str):
        default = f" Default: {one.default}."
    elif one.default is not None:
        default = f" Default: {', '.join(one.default)}."
    return one.why + default + (f" Environment: {one.env}." if one.env else "")
