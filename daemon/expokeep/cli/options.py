"""The options that every verb takes, before its name or behind it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from expokeep.cli.kinds import DURATION

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Options:
    """What the caller said, wherever they said it."""

    config: Path | None = None
    state_dir: Path | None = None
    socket: Path | None = None
    timeout_s: float | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: int = 0
    yes: bool = False
    direct: bool = False
    from_bucket: bool = False
    progress: bool = True
    user: str | None = None

    @property
    def behalf(self) -> str | None:
        """On whose behalf the daemon is asked; None: the caller's own."""
        return os.environ.get("EXPOKEEP_AS") if self.user is None else self.user


_PATH = click.Path(path_type=Path)


def _option(*names: str, field: str, inverted: bool = False, **more: Any) -> Any:
    """Return an option that notes its value, and is no argument of the verb."""

    def note(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        # What the verb was not told must not undo what was said before its name.
        source = ctx.get_parameter_source(parameter.name or "")
        if source is ParameterSource.COMMANDLINE:
            setattr(ctx.ensure_object(Options), field, False if inverted else value)

    return click.option(*names, expose_value=False, callback=note, **more)


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Of every command."""

_GLOBAL = (
    _option("--json", field="as_json", is_flag=True, help="Print JSON."),
    _option("-q", "--quiet", field="quiet", is_flag=True, help="Print results only."),
    _option(
        "-v",
        "--verbose",
        field="verbose",
        count=True,
        help="With --direct: show the log; -vv shows each file.",
    ),
    _option(
        "-y",
        "--yes",
        field="yes",
        is_flag=True,
        help="Do not ask before something is replaced.",
    ),
    _option(
        "--no-progress",
        field="progress",
        inverted=True,
        is_flag=True,
        help="Draw no progress bar.",
    ),
    _option(
        "--timeout",
        field="timeout_s",
        type=DURATION,
        metavar="DUR",
        help="Give up after this long (exit 124).",
    ),
    _option(
        "--as",
        field="user",
        metavar="USER",
        help="With the rights of this user, and no more (operators).",
    ),
    _option(
        "--socket",
        field="socket",
        type=_PATH,
        metavar="PATH",
        help="The daemon's control socket.",
    ),
    _option(
        "--state-dir",
        field="state_dir",
        type=_PATH,
        metavar="DIR",
        help="The daemon's state directory, in which its socket is.",
    ),
    _option(
        "-c",
        "--config",
        field="config",
        type=_PATH,
        metavar="FILE",
        help="The configuration, where one is read.",
    ),
)


def global_options(command: Command) -> Command:
    """Give a command the options that all have."""
    for option in reversed(_GLOBAL):
        command = option(command)
    return command


def direct_option(command: Command, *, hidden: bool = False) -> Command:
    """Give a command the option to work without the daemon."""
    option = _option(
        "--direct",
        field="direct",
        is_flag=True,
        hidden=hidden,
        help="Without the daemon, straight on Postgres and the bucket.",
    )
    decorated: Command = option(command)
    if hidden:
        return decorated
    alone = _option(
        "--from-bucket",
        field="from_bucket",
        is_flag=True,
        help="With --direct: straight on the bucket alone, without Postgres.",
    )
    doubly: Command = alone(decorated)
    return doubly


def verb(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator for a verb: its name, its help, and the options of all."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made = click.command(name, context_settings=CONTEXT)
        known = getattr(function, "__click_params__", ())
        if not any("--direct" in option.opts for option in known):
            # Understood everywhere, so that it is refused with a reason.
            function = direct_option(function, hidden=True)
        return made(global_options(function))

    return decorate


def options_of(ctx: click.Context) -> Options:
    """Return what the caller said."""
    return ctx.ensure_object(Options)
