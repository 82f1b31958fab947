"""`expokeep forget`."""

from typing import Any

import click
import msgspec

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import DURATION, SESSION, WORDS
from expokeep.cli.letting_go import confirm, numbers, weight
from expokeep.cli.options import Options, options_of, verb
from expokeep.cli.printing import as_json
from expokeep.errors import Partial
from expokeep.model import size
from expokeep.retention.documents import ForgetEnded, ForgottenDocument

_COUNT = click.IntRange(0)


@verb("forget")
@click.argument("session", type=SESSION, default="", metavar="[SID]")
@click.option("--keep-last", type=_COUNT, metavar="N", help="The newest N versions.")
@click.option("--keep-hourly", type=_COUNT, metavar="N", help="One for N hours each.")
@click.option("--keep-daily", type=_COUNT, metavar="N", help="One for N days each.")
@click.option("--keep-weekly", type=_COUNT, metavar="N", help="One for N weeks each.")
@click.option(
    "--keep-within", type=DURATION, metavar="DUR", help="All from so long before."
)
@click.option(
    "--keep-label", type=WORDS, multiple=True, metavar="PAT", help="Labelled so."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@click.pass_context
def command(ctx: click.Context, /, session: str, **wish: Any) -> None:
    """Forget versions by rule: of one session, or of all.

    Without a rule those of the configuration hold, as they do every few hours by
    themselves. Whatever you say, these stay: the newest version, pinned ones, and what
    others go out from. What is forgotten does not come back; its bytes are freed by a
    later `gc`.

    \b
    Examples:
      expokeep forget --dry-run
      expokeep forget shop-42 --keep-last 10 --keep-daily 7
      expokeep forget shop-42 --keep-within 48h --keep-label 'release-*'
    """
    options = options_of(ctx)
    body = _body(session, wish)
    if not wish["dry_run"] and not options.yes:
        planned = _asked(options, {**body, "dry_run": True}, is_plan=True)
        if planned.versions:
            what = f"{text.count(planned.versions, 'version')} of "
            what += text.count(planned.sessions, "session")
            confirm(options, f"Forget {what} for good?")
    ended = _asked(options, body, is_plan=False)
    if not (options.as_json or options.quiet):
        verb_of = "would be forgotten" if ended.dry_run else "forgotten"
        click.echo(
            f"{text.count(ended.versions, 'version')} {verb_of}; contents of "
            f"{size.shown(ended.content_bytes)} are needed by nobody else"
        )


def _body(session: str, wish: dict[str, Any]) -> dict[str, Any]:
    labels = list(wish["keep_label"])
    return {
        "session": session or None,
        "keep_last": wish["keep_last"] or 0,
        "keep_hourly": wish["keep_hourly"] or 0,
        "keep_daily": wish["keep_daily"] or 0,
        "keep_weekly": wish["keep_weekly"] or 0,
        "keep_within_s": wish["keep_within"],
        "keep_labels": labels or None,
        "dry_run": wish["dry_run"],
    }


def _asked(options: Options, body: dict[str, Any], *, is_plan: bool) -> ForgetEnded:
    for line in client(options).lines("POST", "/v1/forget", body):
        if options.as_json and not is_plan:
            as_json(line)
        if line["message_type"] == "forget_ended":
            return msgspec.convert(line, ForgetEnded)
        # What a question is about is shown before it; otherwise what was done.
        if not options.as_json and (is_plan or options.yes or body["dry_run"]):
            click.echo(_told(msgspec.convert(line, ForgottenDocument)), err=is_plan)
    raise Partial("the daemon did not say how it ended; see `expokeep log`")


def _told(found: ForgottenDocument) -> str:
    return (
        f"{found.session}: {numbers(found.seqs)}; "
        f"{text.count(found.stay, 'version')} stay; "
        f"{weight(found.content_count, found.content_bytes)}"
    )
