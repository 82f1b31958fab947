"""What a shell is told when somebody presses TAB.

Nobody wants to read an error in the middle of a line that is being typed, nor to wait:
what the daemon does not say at once is not offered.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem

from expokeep.cli.asking import client
from expokeep.cli.options import options_of
from expokeep.control.client import Client, segment
from expokeep.errors import ExpokeepError
from expokeep.model.names import for_terminal

_WITHIN_S = 1.0
_MOST = 200
_SELECTORS = {"good": "the newest that is not parked", "-1": "one before the newest"}

Items = list[CompletionItem]


class Bash(BashComplete):
    """The script for bash, which cuts words also at `@` and `:`: a VERSION has both.

    Words are taken from the line as it is, and what bash has of the last one already is
    not given again.
    """

    source_template = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" words word prefix completion type value
    read -ra words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    word="${words[${#words[@]}-1]}"
    prefix="${word%%"${word##*[$COMP_WORDBREAKS]}"}"
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case "$type" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$prefix"}") ;;
        esac
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


def sessions(ctx: click.Context, prefix: str) -> Items:
    """Return the sessions that begin so."""
    found = _asked(ctx, "/v1/sessions", prefix=prefix or None, limit=_MOST, sort="age")
    return [
        _item(one["session"], one["project_name"]) for one in found.get("sessions", ())
    ]


def versions(ctx: click.Context, ref: str) -> Items:
    """Return the sessions that begin so, or behind an `@` labels and versions."""
    session, separator, begun = ref.partition("@")
    if not separator:
        return sessions(ctx, ref)
    path = f"/v1/sessions/{segment(session)}/versions"
    found = _asked(ctx, path, limit=_MOST, abbreviated=True).get("versions", ())
    return [
        _item(f"{session}@{selector}", words)
        for selector, words in _selectors(found)
        if selector.startswith(begun)
    ]


def shares(ctx: click.Context, prefix: str) -> Items:
    """Return the ids of shares that begin so."""
    found = _asked(ctx, "/v1/shares", limit=_MOST).get("shares", ())
    return [
        _item(str(one["share"]), str(one.get("session", "")))
        for one in found
        if str(one["share"]).startswith(prefix)
    ]


def templates(ctx: click.Context, prefix: str) -> Items:
    """Return the names of templates that begin so."""
    found = _asked(ctx, "/v1/templates", limit=_MOST).get("templates", ())
    return [_item(one["name"], "") for one in found if one["name"].startswith(prefix)]


def _selectors(found: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for one in found:
        for label in one.get("labels", ()):
            yield f"label:{label}", f"version {one['seq']}"
    yield from _SELECTORS.items()
    for one in found:
        yield str(one["seq"]), one.get("message") or one["taken_at"]


def _asked(ctx: click.Context, path: str, /, **query: Any) -> dict[str, Any]:
    with contextlib.suppress(ExpokeepError, ValueError):
        asked: Client = client(replace(options_of(ctx), timeout_s=_WITHIN_S))
        answer: dict[str, Any] = json.loads(asked.get(path, **query))
        return answer
    return {}


def _item(value: str, words: str | None) -> CompletionItem:
    # Tabs and line ends would be read as the next field, or the next item.
    line = " ".join((words or "").split())
    return CompletionItem(value, help=for_terminal(line.encode(errors="replace")))
