"""`expokeep doctor`."""

import dataclasses
import sys

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.letting_go import confirm
from expokeep.cli.options import Options, direct_option, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.cli.remote import decode
from expokeep.doctor.around import around, heard
from expokeep.doctor.values import Check, Fix
from expokeep.errors import ExpokeepError, UsageError
from expokeep.history import examined
from expokeep.history.documents import Doctor

_MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@verb("doctor")
@direct_option
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.option("--dry-run", is_flag=True, help="With --fix: only say what it would do.")
@click.pass_context
def command(ctx: click.Context, *, fix: bool, dry_run: bool) -> None:
    """Look for what is known to go wrong, and say how to mend it.

    Looks at Postgres, the bucket, the settings, disks, limits and clocks from where the
    daemon is, and at systemd, /tmp, other daemons and files with secrets from here: as
    root it sees most. Writes one small object into the bucket and deletes it. With
    --direct no daemon is asked. Exit 1 if something is wrong.

    --fix mends limits, permissions, the ageing of /tmp and the schema: it says what it
    does and asks. It never touches what is kept.

    \b
    Examples:
      expokeep doctor
      sudo expokeep doctor --fix --dry-run
      sudo CREDENTIALS_DIRECTORY=/etc/expokeep/credentials expokeep doctor --direct
    """
    options = options_of(ctx)
    checks = _looked(options)
    mend = [check for check in checks if check.fix and check.state != "ok"]
    if fix and mend and not dry_run:
        _mend(options, mend)
        checks = _looked(options)
    _print(options, checks, with_fixes=fix)
    wrong = [check.name for check in checks if check.state == "error"]
    if wrong:
        names = ", ".join(dict.fromkeys(wrong))
        raise ExpokeepError(f"something is wrong with: {names}")


def _looked(options: Options) -> list[Check]:
    """Return what the daemon sees, or what is seen without it, and what we see."""
    if options.direct:
        return [_mendable(options, check) for check in _alone(options)]
    found = decode(client(options).get("/v1/doctor"), Doctor)
    checks = [
        _mendable(options, Check(one.name, one.state, one.detail, one.hint))
        for one in found.checks
    ]
    if found.setup is None:
        return checks
    return [*checks, *around(heard(found.setup))]


def _alone(options: Options) -> list[Check]:
    from expokeep.cli.direct import (  # noqa: PLC0415 - imports drivers
        loaded,
        quietly,
        within,
    )
    from expokeep.doctor import run  # noqa: PLC0415
    from expokeep.doctor.setup import setup_of  # noqa: PLC0415

    settings = loaded(options)
    quietly(options)
    with within(options.timeout_s):
        return [*run.alone(settings), *around(setup_of(settings))]


def _mendable(options: Options, check: Check) -> Check:
    """Return a finding with what mends it from here, if it is the schema's."""
    if (check.name, check.state) != ("schema", "warning"):
        return check

    def migrate() -> None:
        from expokeep import wiring  # noqa: PLC0415 - imports drivers
        from expokeep.cli.direct import loaded  # noqa: PLC0415

        with wiring.catalog(loaded(options).settings) as catalog:
            catalog.migrate()

    return dataclasses.replace(check, fix=Fix("expokeep db migrate", migrate))


def _mend(options: Options, checks: list[Check]) -> None:
    """Mend what the caller agrees to.

    Raises:
        UsageError: there is nobody to agree.
        ExpokeepError: something could not be done; what came before it is.
    """
    for check in checks:
        click.echo(f"to mend {check.name}: {_words(check)}", err=True)
    if not options.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        error = UsageError("nobody is here to agree to that")
        error.hint = "Add --yes; --dry-run only says what would be done."
        raise error
    confirm(options, "Do this?")
    for check in checks:
        if check.fix is None:
            continue
        try:
            check.fix.act()
        except OSError as error:
            failed = ExpokeepError(f"not done: {_words(check)}: {error.strerror}")
            failed.hint = "Root can do it."
            raise failed from error


def _print(options: Options, checks: list[Check], *, with_fixes: bool) -> None:
    if options.as_json:
        as_json(Doctor(checks=tuple(map(_document, checks))))
        return
    for check in checks:
        click.echo(f"{_MARKS[check.state]}  {check.name}: {text.safe(check.detail)}")
        if check.hint:
            click.echo(f"         {text.safe(check.hint)}")
        if with_fixes and check.fix:
            click.echo(f"         --fix: {_words(check)}")


def _document(check: Check) -> examined.Check:
    return examined.Check(
        name=check.name,
        state=check.state,
        detail=check.detail,
        hint=check.hint,
        code=check.code,
        fix=_words(check),
    )


def _words(check: Check) -> str:
    return text.safe(check.fix.words) if check.fix else ""
