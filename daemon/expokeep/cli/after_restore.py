"""The command that follows a restore: whether there is one, and what became of it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import click

from expokeep.cli import text
from expokeep.cli.brought import Brought, InUse, shown
from expokeep.cli.options import Options
from expokeep.errors import AfterRestoreFailed, TimedOut
from expokeep.hooks import after, due
from expokeep.hooks.after import Task
from expokeep.restore.run import Result
from expokeep.restore.source import AfterRestore

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Following:
    """What the caller says of it."""

    line: str | None = None
    """Run this instead of the site's command; also after a part was restored."""
    is_off: bool = False
    """Leave it to the next one who starts something in the directory."""
    is_part: bool = False
    """Only a part is restored, so it is no project that could be made ready."""


def following(choices: Mapping[str, object], *, is_part: bool = False) -> Following:
    """Return what the caller said, as the options have it."""
    line = choices["after_restore"]
    return Following(
        line=line if isinstance(line, str) else None,
        is_off=bool(choices["no_hooks"]),
        is_part=is_part,
    )


def after_restore_options(command: Command) -> Command:
    """Give a verb the options about it."""
    line = click.option(
        "--after-restore",
        "after_restore",
        metavar="CMD",
        help="Run this in the restored directory, instead of what hooks.after-restore "
        "says.",
    )
    off = click.option(
        "--no-hooks",
        is_flag=True,
        help="Run nothing after the restore; the next exec does.",
    )
    decorated: Command = line(off(command))
    return decorated


def follow(options: Options, brought: Brought, said: Following) -> str | None:
    """Run what is due in a directory, if anything is.

    Returns:
        `passed`, `due` if it was left to the next one, or None: nothing was to be run.

    Raises:
        AfterRestoreFailed: it did not end well. What was restored stays.
        TimedOut: the caller's time ran out.
    """
    if isinstance(brought, InUse) or said.is_off:
        return "due" if due.is_marked(brought.target) else None
    command = _command(brought, said)
    if command is None:
        return None
    due.mark(brought.target)
    limit_s = min(options.timeout_s or command.timeout_s, command.timeout_s)
    version = brought.offer.version
    task = Task(command.command, version.session, version.seq or None, limit_s)
    if not options.quiet and sys.stderr.isatty():
        line = text.safe(" ".join(command.command))
        click.echo(f"after the restore: {line}", err=True)
    status = _run(brought, task)
    if status is None and limit_s == options.timeout_s:
        raise TimedOut(f"not done after {limit_s:g} s: {_named(task)}")
    if status != 0:
        raise AfterRestoreFailed(f"{_named(task)} {_ended(status, limit_s)}")
    return "passed"


def _command(brought: Result, said: Following) -> AfterRestore | None:
    """Return what is to be run; None: nothing."""
    offered = brought.offer.after
    if brought.action == "nothing" and not due.is_marked(brought.target):
        return None
    if said.line is not None:
        return AfterRestore((said.line,), offered.timeout_s)
    return None if said.is_part or not offered.command else offered


def _run(brought: Result, task: Task) -> int | None:
    """Run a task; afterwards it is due no more if it ended well."""
    try:
        with due.opened(brought.target) as descriptor:
            status = after.run(task, descriptor, os.environ)
            if status == 0:
                due.clear(descriptor)
    except subprocess.SubprocessError as error:
        reason = f"cannot become the owner of {shown(brought.target)}"
        raise AfterRestoreFailed(f"{_named(task)} was not run: {reason}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise AfterRestoreFailed(f"{_named(task)} was not run: {reason}") from error
    return status


def _named(task: Task) -> str:
    return f"the command after the restore ({text.safe(' '.join(task.command))})"


def _ended(status: int | None, limit_s: float) -> str:
    if status is None:
        return f"took longer than {limit_s:g} s and was ended"
    if status < 0:
        return f"was ended by signal {-status}"
    return f"ended with {status}"
