"""The way in: which verbs there are, what they cost to start, how they end."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import expokeep
from expokeep import journal
from expokeep.cli.main import VERBS, cli
from expokeep.control.client import Client

TOP = Path(__file__).parents[3]
DRIVERS = ("boto3", "botocore", "psycopg", "starlette", "uvicorn", "watchdog", "yaml")
HEAVY = (*DRIVERS, "msgspec", "rich", "json", "h11", "http.client", "structlog")


def commands(group: click.Group = cli, above: str = "") -> list[str]:
    """Return the words of every command that can be called, groups as well."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append(f"{above}{name}")
        if isinstance(command, click.Group):
            found += commands(command, f"{above}{name} ")
    return found


def imported_by(*words: str) -> set[str]:
    """Return what a command has imported when it ends, however it ends."""
    program = (
        "import sys\n"
        "from expokeep.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(['IMPORTED', *sys.modules]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.partition("IMPORTED\n")[2].split())


def test_the_verbs_are_those_that_work_and_no_others():
    modules = (TOP / "daemon/expokeep/cli/verbs").glob("[a-z]*.py")

    assert set(VERBS) == {module.stem.rstrip("_") for module in modules}


@pytest.mark.parametrize("name", VERBS)
def test_the_list_of_verbs_says_what_their_own_help_says(name):
    command = cli.get_command(click.Context(cli), name)

    assert VERBS[name] == command.help.partition("\n")[0]


@pytest.mark.parametrize("words", commands())
def test_every_help_teaches_by_an_example(words, run):
    told = run(*words.split(), "--help").out

    assert "Example" in told
    assert f"expokeep {words.split()[0]}" in told.partition("Example")[2]
    assert "--json" in told


def test_the_version_is_the_one_of_the_package(run):
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]

    told = run("--version")

    assert project["version"] in told.out
    assert expokeep.__version__ == project["version"]
    assert told.code == 0


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_needs_nothing_imports_nothing(option):
    assert imported_by(option).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "log shop",
        "save shop",
        "diff shop",
        "flush --all",
        "restore shop --to /tmp/nowhere",
        "exec shop -- true",
    ],
)
def test_a_client_of_the_daemon_imports_no_driver(words, tmp_path):
    imported = imported_by(*words.split(), "--socket", str(tmp_path / "none.sock"))

    assert "expokeep.control.client" in imported
    assert imported.isdisjoint((*DRIVERS, "rich"))


def test_an_unknown_verb_is_a_usage_error(run):
    ended = run("stauts")

    assert ended.code == 2
    assert "status" in ended.err
    assert ended.out == ""


def test_an_unknown_option_is_a_usage_error(run):
    assert run("status", "--what").code == 2


def test_nobody_answering_has_a_code_and_a_hint(run, tmp_path):
    ended = run("status", "--state-dir", tmp_path)

    assert ended.code == 16
    assert ended.err.startswith("expokeep: error: ")
    assert "\nhint: " in ended.err
    assert ended.out == ""


def test_in_the_journal_a_failure_is_an_error(run, tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "is_journal", lambda _environ: True)

    ended = run("status", "--state-dir", tmp_path)

    assert all(line.startswith("<3>") for line in ended.err.splitlines())


def test_an_error_is_a_document_if_documents_are_wanted(run, tmp_path):
    ended = run("status", "--state-dir", tmp_path, "--json")

    told = json.loads(ended.err)
    assert (told["message_type"], told["exit_code"]) == ("error", 16)
    assert ended.out == ""


def test_what_the_daemon_refuses_ends_with_its_code(run, daemon, tmp_path):
    ended = run("restore", "other", "--to", tmp_path / "x")

    assert ended.code == 10
    assert "no session other is kept" in ended.err


def test_options_of_all_stand_before_the_verb_or_behind_it(run, daemon, tmp_path):
    before = run("--json", "restore", "shop", "--to", tmp_path / "a", "--dry-run")
    behind = run("restore", "shop", "--to", tmp_path / "b", "--dry-run", "--json")

    assert before.code == behind.code == 0
    assert json.loads(before.out)["version"] == json.loads(behind.out)["version"] == 7


@pytest.mark.parametrize("words", ["--direct status", "pause --all --direct"])
def test_what_only_the_daemon_can_do_is_refused_without_it(run, daemon, words):
    ended = run(*words.split())

    assert ended.code == 2
    assert "only the daemon" in ended.err


def test_a_verb_does_not_undo_what_was_said_before_it(run, daemon, tmp_path):
    ended = run(
        *("--direct", "--config", tmp_path / "none.yaml"),
        *("restore", "shop", "--to", tmp_path / "x"),
    )

    assert ended.code == 78
    assert not daemon.asked


def test_a_user_is_named_to_the_daemon(run, daemon, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "expokeep.cli.asking.Client",
        lambda *place, user: seen.append(user) or Client(*place, user=user),
    )

    run("--as", "ann", "sessions")
    run("sessions", "--as", "bob")
    monkeypatch.setenv("EXPOKEEP_AS", "team-blue")
    run("sessions")
    run("sessions", "--as", "ann")

    assert seen == ["ann", "bob", "team-blue", "ann"]


def test_nobody_is_a_user_without_the_daemon(run, monkeypatch):
    ended = run("sessions", "--direct", "--as", "ann")
    monkeypatch.setenv("EXPOKEEP_AS", "")
    unset = run("log", "shop", "--direct")

    assert (ended.code, unset.code) == (2, 2)
    assert "only the daemon can act for a user" in ended.err
