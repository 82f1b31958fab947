"""`${VAR}` and `${VAR:-default}` in values, as a shell has them."""

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(\$\{)|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")


def expand(text: str, variables: Mapping[str, str]) -> str | None:
    """Return `text` with its variables replaced; an empty one is as good as none.

    None if the text is nothing but a variable, and that is not set: then the setting is
    not set either. `$${` stands for `${`.

    >>> expand("${DIR:-/tmp}/x", {}), expand("${DIR:-/tmp}/x", {"DIR": "/srv"})
    ('/tmp/x', '/srv/x')
    >>> expand("${DIR}", {"DIR": ""}), expand("$${DIR}", {})
    (None, '${DIR}')

    Raises:
        ValueError: a variable in the middle of a text is not set, or `${` begins none.
    """
    alone = _VARIABLE.fullmatch(text)
    if alone and alone[2] and not (variables.get(alone[2]) or alone[3]):
        return None
    return _VARIABLE.sub(lambda found: _value(found, variables), text)


def escape(text: str) -> str:
    """Return the text that `expand` turns into `text`."""
    return text.replace("${", "$${")


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found[1]:
        return "${"
    if not found[2]:
        raise ValueError("write ${NAME}, ${NAME:-default}, or $${ for the text ${")
    value = variables.get(found[2]) or found[3]
    if value is None:
        raise ValueError(f"the variable {found[2]} is not set")
    return value
