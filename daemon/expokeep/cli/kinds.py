"""Kinds of argument: what each may be, and what a verb gets of it.

Everything is checked here once; a verb never sees a word that it cannot send.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Words(click.ParamType[str]):
    """Text that can be sent and stored."""

    name = "text"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return it as it is."""
        try:
            os.fsencode(value).decode()
        except UnicodeDecodeError:
            self.fail("it is not UTF-8", param, ctx)
        return str(value)


class Session(Words):
    """A session; completed by asking the daemon."""

    name = "session"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Return the sessions that begin so; none if nobody can tell at once."""
        del param
        from expokeep.cli.completing import sessions  # noqa: PLC0415 - only on TAB

        return sessions(ctx, incomplete)


class Version(Words):
    """A session or one of its versions; completed by asking the daemon."""

    name = "version"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Return sessions that begin so, or what may stand behind an `@`."""
        del param
        from expokeep.cli.completing import versions  # noqa: PLC0415 - only on TAB

        return versions(ctx, incomplete)


class Share(Words):
    """A share, by its token or its id; ids are completed by asking the daemon."""

    name = "share"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Return the ids that begin so."""
        del param
        from expokeep.cli.completing import shares  # noqa: PLC0415 - only on TAB

        return shares(ctx, incomplete)


class Template(Words):
    """A template by its name; completed by asking the daemon."""

    name = "template"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Return the names that begin so."""
        del param
        from expokeep.cli.completing import templates  # noqa: PLC0415 - only on TAB

        return templates(ctx, incomplete)


class Name(click.ParamType[bytes]):
    """A path or a pattern inside a project: bytes, as the shell handed them over."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Return bytes."""
        del param, ctx
        return os.fsencode(value)


class Target(click.ParamType[Path]):
    """A directory to make."""

    name = "directory"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Return a path; an empty one is a script's unset variable, and no wish."""
        if not value:
            self.fail("it is empty", param, ctx)
        return Path(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Let the shell complete directories."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only on TAB

        del ctx, param
        return [CompletionItem(incomplete, type="dir")]


class Duration(click.ParamType[float]):
    """A time such as `30s`, `5m` or `1h`; a bare number is in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        from expokeep.settings.units import parse_duration_s  # noqa: PLC0415 - for few

        text = str(value)
        try:
            return parse_duration_s(f"{text}s" if text.isdecimal() else text)
        except ValueError:
            self.fail(f"{text!r} is no time; write 30s, 5m, 1h or 7d", param, ctx)


class ContentHash(click.ParamType[str]):
    """Contents, by their SHA-256: as `sha256sum` prints it, or as we do."""

    name = "sha256"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return 64 lower-case hex digits."""
        digits = str(value).lower().removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{64}", digits):
            self.fail("write the 64 hex digits of a SHA-256", param, ctx)
        return digits


WORDS = Words()
SESSION = Session()
VERSION = Version()
SHARE = Share()
TEMPLATE = Template()
NAME = Name()
TARGET = Target()
DURATION = Duration()
DIGEST = ContentHash()
