"""What `share` reads from the standard input, and what it prints."""

import sys
from pathlib import Path

import click

from expokeep import clock
from expokeep.cli import text
from expokeep.cli.remote import decode
from expokeep.cli.table import table
from expokeep.errors import NotFound, UsageError
from expokeep.model import size
from expokeep.model.names import for_terminal
from expokeep.share.documents import (
    ShareAudit,
    ShareCreated,
    SharedBuild,
    ShareDocument,
    ShareFields,
    ShareImported,
    ShareList,
    SharesRevoked,
    ShareTop,
    SuspicionDocument,
)


def token(word: str) -> str:
    """Return a token, which `-` lets us read from the standard input."""
    return _line("token") if word == "-" else word


def password() -> str:
    """Return a password: asked for on a terminal, read from a pipe."""
    return _line("password")


def decoded(raw: bytes) -> ShareDocument | SharedBuild:
    """Return a share of the caller's, or what a token stands for."""
    is_own = b'"message_type":"share",' in raw[:40]
    return decode(raw, ShareDocument) if is_own else decode(raw, SharedBuild)


def public(share: str) -> str:
    """Return the id of a share; a token has no business in an address."""
    if not share.startswith("shr-"):
        error = NotFound("this is no id of a share")
        error.hint = "`expokeep share show TOKEN` tells the id."
        raise error
    return share


def path(target: Path) -> str:
    """Return a path so that it cannot harm a terminal."""
    return for_terminal(bytes(target))


def print_created(made: ShareCreated, version: str, *, quiet: bool) -> None:
    """Print the link, and beside it what a person should know."""
    for one in made.suspicions:
        click.echo(f"warning: {_suspicion(one)}", err=True)
    if made.passed_over and not quiet:
        files = text.count(made.passed_over, "file")
        click.echo(f"{files} were not looked into: too large, or too many", err=True)
    if made.share is None:
        if not quiet:
            click.echo(f"{version} would be lent")
        return
    click.echo(made.url)
    if not quiet:
        click.echo(_terms(made.share), err=True)


def print_list(found: ShareList, *, quiet: bool) -> None:
    """Print shares."""
    headers = ("SHARE", "STATE", "LENDS", "USES", "UNTIL", "FOR", "PROJECT")
    rows = [
        (
            one.share,
            _state(one),
            _lends(one),
            _uses(one),
            text.moment(one.expires_at),
            _for(one),
            text.safe(one.project_name) or "-",
        )
        for one in found.shares
    ]
    table(headers, rows, gives_way=("PROJECT", "FOR"))
    if found.truncated and not quiet:
        click.echo("There are more.", err=True)


def print_share(one: ShareFields) -> None:
    """Print one share in full."""
    _pairs(
        ("share", one.share),
        ("state", _state(one)),
        ("lends", _lends(one)),
        ("project", text.safe(one.project_name) or "-"),
        ("owner", text.safe(one.owner) or "-"),
        ("for", _for(one)),
        ("password", "yes" if one.has_password else "no"),
        ("uses", _uses(one)),
        ("last used", text.moment(one.used_at)),
        ("made", f"{text.moment(one.created_at)} by {text.safe(one.created_by)}"),
        ("until", text.moment(one.expires_at)),
    )
    if one.revoked_at is not None:
        by = text.safe(one.revoked_by)
        _pairs(("revoked", f"{text.moment(one.revoked_at)} by {by}"))
    if not one.is_known_here:
        click.echo("Another host made it, under a key of its own: see `doctor`.")


def print_build(found: SharedBuild) -> None:
    """Print what somebody may import."""
    if found.has_password:
        click.echo("This share has a password.")
        return
    left = "any number" if found.uses_left is None else str(found.uses_left)
    _pairs(
        ("project", text.safe(found.project_name) or "-"),
        ("files", str(found.file_count)),
        ("size", size.shown(found.size_bytes or 0)),
        ("until", text.moment(found.expires_at)),
        ("uses left", left),
    )


def print_revoked(found: SharesRevoked) -> None:
    """Print what was ended."""
    how = "would be revoked" if found.dry_run else "is revoked"
    for one in found.shares:
        click.echo(f"{one} {how}")
    if not found.shares:
        click.echo("nothing to revoke")


def print_imported(found: ShareImported, *, quiet: bool) -> None:
    """Print the session that began; for a script, only its id."""
    if quiet:
        click.echo(found.session)
        return
    files = text.count(found.file_count, "file")
    name = text.safe(found.project_name)
    of = f" of {name}" if name else ""
    click.echo(
        f"session {found.session} began{of}: {files}, {size.shown(found.size_bytes)}"
    )


def print_audit(found: ShareAudit) -> None:
    """Print what became of a share."""
    headers = ("USED", "USER", "OUTCOME", "VERSION", "SESSION")
    rows = [
        (
            text.moment(one.used_at),
            text.safe(one.user) or (f"uid {one.uid}" if one.uid is not None else "-"),
            one.outcome.replace("_", " "),
            str(one.version),
            one.session or "-",
        )
        for one in found.used
    ]
    table(headers, rows, gives_way=("SESSION",))
    for refused in found.refused:
        last = f"last {text.age(refused.last_at, clock.now())} ago"
        who = f" by {text.safe(refused.last_user)}" if refused.last_user else ""
        times = text.count(refused.count, "time")
        click.echo(f"refused {times}: {refused.reason.replace('_', ' ')}, {last}{who}")


def print_top(found: ShareTop) -> None:
    """Print the sessions that were imported most often."""
    headers = ("SESSION", "IMPORTED", "SHARES", "REFUSED", "LAST", "OWNER", "PROJECT")
    rows = [
        (
            one.session,
            str(one.imported),
            str(one.shares),
            str(one.refused),
            text.moment(one.last_at),
            text.safe(one.owner) or "-",
            text.safe(one.project_name) or "-",
        )
        for one in found.sessions
    ]
    table(headers, rows, gives_way=("PROJECT", "OWNER"))


def _line(what: str) -> str:
    if sys.stdin.isatty():
        asked: str = click.prompt(what.capitalize(), hide_input=True, err=True)
        return asked
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise UsageError(f"the standard input holds no {what}")
    return line


def _suspicion(one: SuspicionDocument) -> str:
    where = "" if one.line is None else f":{one.line}"
    return f"{text.path(one.path)}{where} looks like a secret ({one.kind})"


def _terms(one: ShareFields) -> str:
    uses = "any number of imports"
    if one.max_uses is not None:
        uses = text.count(one.max_uses, "import")
    return (
        f"{one.share} lends {_lends(one)} to {_for(one)} until "
        f"{text.moment(one.expires_at)}, for {uses}. The link is not shown again."
    )


def _state(one: ShareFields) -> str:
    return one.state.replace("_", " ")


def _lends(one: ShareFields) -> str:
    newest = f"the newest of {one.session}"
    return newest if one.version is None else f"{one.session}@{one.version}"


def _uses(one: ShareFields) -> str:
    return f"{one.uses}" if one.max_uses is None else f"{one.uses} of {one.max_uses}"


def _for(one: ShareFields) -> str:
    if one.users is None:
        return "everybody with the link"
    return ", ".join(text.safe(user) for user in one.users)


def _pairs(*pairs: tuple[str, str]) -> None:
    for name, value in pairs:
        click.echo(f"{name:<10} {value}")
