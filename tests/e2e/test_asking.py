"""Nothing is destroyed on a terminal before a person has said yes to it."""

import os
import pty
import select
import subprocess

import click
import psycopg
import pytest

from daemons import SCRIPTS, WAIT_S, appear, write
from expokeep.cli.main import cli

DESTRUCTIVE = {
    "delete": ("delete", "{sid}"),
    "delete now": ("delete", "{sid}", "--now"),
    "forget": ("forget", "{sid}", "--keep-last", "1", "--keep-label", "none"),
    "label": ("label", "--remove", "demo", "{sid}"),
    "unpin": ("unpin", "{sid}@1"),
    "rebuild": ("rebuild", "--from-bucket", "--missing"),
    "restore": ("restore", "{sid}@1", "--swap"),
    "revert": ("revert", "{sid}", "{sid}@1"),
    "share revoke": ("share", "revoke", "--all", "{sid}"),
    "template delete": ("template", "delete", "{template}"),
}
"""What asks on a session that has all of it: by its name, the words."""

ASK_WHEN_THERE_IS_SOMETHING = {"gc", "repair", "publish withdraw"}
"""Their questions are in the tests of their own: there is nothing here to go."""
NOT_DESTRUCTIVE = {
    "db migrate": "adds to the schema, and is safe to repeat",
    "doctor": "mends the machine around what is kept, and asks in its own test",
    "share create": "its dry run looks for secrets",
    "webhooks retry": "sends what was not received",
    "webhooks test": "sends a message that says nothing",
}
"""Has a dry run for another reason."""

TABLES = ("session", "version", "label", "pack", "share", "template", "generation")


def leaves(group=cli, above=""):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def has_dry_run(command):
    return any("--dry-run" in option.opts for option in command.params)


def all_rows(site):
    with psycopg.connect(site.database_url) as connection:
        connection.execute("SET search_path TO expokeep")
        return {
            table: connection.execute(
                f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"
            ).fetchone()
            for table in TABLES
        }


@pytest.fixture(scope="module")
def kept(daemon):
    """A session with all that could be taken away, and the words that name it."""
    sid, top = daemon.site.session()
    appear(top, {"package.json": "{}", "App.js": "one"})
    daemon.await_versions(sid, 1)
    for number in (2, 3):
        write(top, {"App.js": f"version {number}"})
        daemon.await_versions(sid, number)
    blank, made = daemon.site.session("blank")
    appear(made, {"package.json": "{}"})
    daemon.await_versions(blank, 1)
    template = f"t-{sid}"
    for words in (
        ("label", f"{sid}@1", "demo"),
        ("pin", f"{sid}@1"),
        ("template", "create", blank, template),
        ("share", "create", sid),
    ):
        done = daemon.cli(*words)
        assert done.returncode == 0, done.stderr
    return {"sid": sid, "template": template}


def answered(daemon, words, answer):
    """Run a command on a terminal, and answer what it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(SCRIPTS / "expokeep"), *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**daemon._own(), "TERM": "dumb"},
    )
    os.close(theirs)
    said, is_answered = b"", False
    while select.select([ours], [], [], WAIT_S)[0]:
        try:
            said += os.read(ours, 65536)
        except OSError:  # it has ended
            break
        if b"[y/N]" in said and not is_answered:
            is_answered = True
            os.write(ours, answer + b"\n")
    os.close(ours)
    return process.wait(WAIT_S), said.decode(errors="replace"), is_answered


def test_every_destructive_verb_is_known_here():
    known = {name.removesuffix(" now") for name in DESTRUCTIVE}
    known |= ASK_WHEN_THERE_IS_SOMETHING | set(NOT_DESTRUCTIVE)

    assert {name for name, command in leaves() if has_dry_run(command)} == known


def test_a_verb_whose_name_takes_away_has_a_dry_run():
    taking = ("delete", "forget", "gc", "remove", "revoke", "rebuild", "repair")
    taking += ("revert", "unpin", "withdraw", "purge", "drop")

    missing = [
        name
        for name, command in leaves()
        if name.split()[-1] in taking and not has_dry_run(command)
    ]

    assert not missing


@pytest.mark.parametrize("name", DESTRUCTIVE)
def test_who_says_no_keeps_everything(daemon, kept, name):
    words = [word.format(**kept) for word in DESTRUCTIVE[name]]
    before = all_rows(daemon.site)

    code, said, was_asked = answered(daemon, words, b"n")

    assert was_asked, said
    assert code != 0, said
    assert all_rows(daemon.site) == before


@pytest.mark.long
@pytest.mark.parametrize("name", DESTRUCTIVE)
def test_a_dry_run_asks_nobody_and_changes_nothing(daemon, kept, name):
    words = [word.format(**kept) for word in DESTRUCTIVE[name]]
    before = all_rows(daemon.site)

    code, said, was_asked = answered(daemon, [*words, "--dry-run"], b"n")

    assert not was_asked, said
    assert code == 0, said
    assert all_rows(daemon.site) == before
