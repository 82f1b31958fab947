"""`expokeep share`."""

from pathlib import Path

import click

from expokeep.cli import shared
from expokeep.cli.asking import client
from expokeep.cli.kinds import DURATION, SESSION, SHARE, TARGET, VERSION, WORDS
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import CONTEXT, Options, global_options, options_of
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.errors import TargetExists
from expokeep.restore import target as places
from expokeep.share.documents import (
    ShareAudit,
    ShareCreated,
    SharedBuild,
    ShareImported,
    ShareList,
    SharesRevoked,
    ShareTop,
)

_PASSWORD = click.option(
    "--password-stdin",
    "says_password",
    is_flag=True,
    help="Read a password from the standard input.",
)


@click.group("share", context_settings=CONTEXT)
@global_options
def command() -> None:
    """Lend versions to others, and import what others lend.

    A TOKEN opens what it stands for: hand it on like a key. Where one is wanted, the
    whole link will do, and `-` reads it from the standard input, where no list of
    processes shows it.

    \b
    Examples:
      expokeep share create shop-42 --expires 7d
      expokeep share import https://app.example/shared/TOKEN --to /tmp/look
      expokeep share list
      expokeep share revoke shr-abcdefghijkl
    """


@command.command("create", context_settings=CONTEXT)
@global_options
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option("--expires", type=DURATION, metavar="DUR", help="How long it holds.")
@click.option(
    "--max-uses", type=click.IntRange(1), metavar="N", help="Imports at most."
)
@_PASSWORD
@click.option(
    "--to",
    "users",
    type=WORDS,
    multiple=True,
    metavar="USER",
    help="Only for this user; may be given several times.",
)
@click.option(
    "--follow-head", is_flag=True, help="Lend the newest version, not this one."
)
@click.option(
    "--allow-secrets", is_flag=True, help="Lend what looks like a secret, too."
)
@click.option("--dry-run", is_flag=True, help="Only look for secrets.")
@click.pass_context
def create(
    ctx: click.Context,
    /,
    version: str,
    expires: float | None,
    users: tuple[str, ...],
    **choices: object,
) -> None:
    """Lend a version, and print the link to it.

    The link is shown once, and stored nowhere: whoever loses it makes another. Whoever
    has it can begin a session of their own with the version as it is now; with
    --follow-head, as the session's newest is then. The version is kept as long as that
    may happen.

    A project in which something looks like a key or a password is not lent (exit 4)
    unless you say --allow-secrets.

    \b
    Examples:
      expokeep share create shop-42
      expokeep share create shop-42@label:demo --expires 7d --max-uses 1
      expokeep share create shop-42 --to ann@example.com --password-stdin < password
    """
    options = options_of(ctx)
    password = shared.password() if choices.pop("says_password") else None
    body = {"expires_s": expires, "to": [*users] or None, "password": password}
    path = f"/v1/versions/{segment(sent_version(version))}/share"
    raw = client(options).post(path, {**body, **choices})
    made = decode(raw, ShareCreated)
    if options.as_json:
        as_json(made)
        return
    shared.print_created(made, version, quiet=options.quiet)


@command.command("list", context_settings=CONTEXT)
@global_options
@click.argument("session", type=SESSION, default=None, required=False, metavar="[SID]")
@click.option("--all", "with_over", is_flag=True, help="Those as well that are over.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    metavar="N",
    help="At most so many.",
)
@click.pass_context
def listed(
    ctx: click.Context, session: str | None, *, with_over: bool, limit: int
) -> None:
    """List shares: of one session, or of all that are yours.

    \b
    Examples:
      expokeep share list
      expokeep share list shop-42 --all
    """
    options = options_of(ctx)
    over = "true" if with_over else None
    raw = client(options).get("/v1/shares", session=session, all=over, limit=limit)
    found = decode(raw, ShareList)
    if options.as_json:
        as_json(found)
        return
    shared.print_list(found, quiet=options.quiet)


@command.command("show", context_settings=CONTEXT)
@global_options
@click.argument("token", type=SHARE, metavar="TOKEN|ID")
@click.pass_context
def show(ctx: click.Context, token: str) -> None:
    """Show a share of yours, or what somebody's token stands for.

    \b
    Examples:
      expokeep share show shr-abcdefghijkl
      expokeep share show - < token
    """
    options = options_of(ctx)
    raw = client(options).post("/v1/shares/show", {"token": shared.token(token)})
    found = shared.decoded(raw)
    if options.as_json:
        as_json(found)
    elif isinstance(found, SharedBuild):
        shared.print_build(found)
    else:
        shared.print_share(found.share)


@command.command("revoke", context_settings=CONTEXT)
@global_options
@click.argument("token", type=SHARE, required=False, metavar="TOKEN|ID")
@click.option("--all", "session", type=SESSION, metavar="SID", help="All of a session.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@click.pass_context
def revoke(
    ctx: click.Context, token: str | None, session: str | None, *, dry_run: bool
) -> None:
    """End a share at once. What was imported with it stays.

    \b
    Examples:
      expokeep share revoke shr-abcdefghijkl
      expokeep share revoke --all shop-42
    """
    if (token is None) is (session is None):
        raise click.UsageError("name a share, or --all SID")
    options = options_of(ctx)
    word = None if token is None else shared.token(token)
    if not dry_run:
        planned = _revoked(options, word, session, dry_run=True)
        if planned.shares:
            confirm(options, f"Revoke {', '.join(planned.shares)}?")
    found = _revoked(options, word, session, dry_run=dry_run)
    if options.as_json:
        as_json(found)
    elif not options.quiet:
        shared.print_revoked(found)


@command.command("import", context_settings=CONTEXT)
@global_options
@click.argument("token", type=WORDS, metavar="TOKEN")
@click.option("--session", type=WORDS, metavar="NEW", help="What it is to be called.")
@click.option("--user", type=WORDS, metavar="USER", help="Whose it is to be.")
@_PASSWORD
@click.option(
    "--to", "target", type=TARGET, metavar="DIR", help="Restore it there as well."
)
@click.pass_context
def import_(
    ctx: click.Context, /, token: str, target: Path | None, **choices: object
) -> None:
    """Begin a session of your own with what a token stands for.

    Nothing is uploaded, and the other's session stays as it is. A token that is
    unknown, over, used up, revoked, or for somebody else gives one answer (exit 14).
    With `-` for the token and --password-stdin, the first line is the token.

    \b
    Examples:
      expokeep share import https://app.example/shared/TOKEN
      expokeep share import - --session my-shop --to /tmp/expo-my-shop < token
      expokeep --as ann@example.com share import TOKEN
    """
    options = options_of(ctx)
    if target is not None and places.state(target.absolute()) == "occupied":
        raise TargetExists(f"{shared.path(target)} is in use")
    word = shared.token(token)
    password = shared.password() if choices.pop("says_password") else None
    body = {"token": word, "password": password, **choices}
    found = decode(client(options).post("/v1/shares/import", body), ShareImported)
    if options.as_json:
        as_json(found)
    else:
        shared.print_imported(found, quiet=options.quiet)
    if target is not None:
        from expokeep.cli.bringing import Bringing, bring  # noqa: PLC0415 - for few
        from expokeep.cli.brought import print_brought  # noqa: PLC0415

        wish = Bringing(version=found.session, target=target, is_exact=True)
        print_brought(options, bring(options, wish), dry_run=False)


@command.command("audit", context_settings=CONTEXT)
@global_options
@click.argument("share", type=SHARE, metavar="ID")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    metavar="N",
    help="At most so many.",
)
@click.pass_context
def audit(ctx: click.Context, share: str, limit: int) -> None:
    """Tell who used a share, and who was turned away.

    \b
    Example:
      expokeep share audit shr-abcdefghijkl
    """
    options = options_of(ctx)
    path = f"/v1/shares/{segment(shared.public(share))}/audit"
    found = decode(client(options).get(path, limit=limit), ShareAudit)
    if options.as_json:
        as_json(found)
        return
    shared.print_audit(found)


@command.command("top", context_settings=CONTEXT)
@global_options
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    metavar="N",
    help="At most so many.",
)
@click.pass_context
def top(ctx: click.Context, limit: int) -> None:
    """List the sessions that were imported most often.

    \b
    Example:
      expokeep share top --limit 10
    """
    options = options_of(ctx)
    found = decode(client(options).get("/v1/most-shared", limit=limit), ShareTop)
    if options.as_json:
        as_json(found)
        return
    shared.print_top(found)


def _revoked(
    options: Options, token: str | None, session: str | None, *, dry_run: bool
) -> SharesRevoked:
    body = {"token": token, "session": session, "dry_run": dry_run}
    return decode(client(options).post("/v1/shares/revoke", body), SharesRevoked)
