import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from answering import NOON
from expokeep.history.documents import SessionDocument, SessionList

BIN = Path(sys.executable).parent
IN_BASH = """
source <("$0" completion bash)
complete -p expokeep >&2 || exit 1
compopt() { :; }
COMP_LINE=$1; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
_expokeep_completion expokeep
printf '%s\\n' "${COMPREPLY[@]}"
"""
IN_FISH = """
expokeep completion fish | source
complete -C "$argv[1]"
"""
IN_ZSH = """
compdef() { :; }
_describe() { eval "print -rl -- \\${(@)$3}"; }
compadd() { print -rl -- $completions; }
source <(expokeep completion zsh)
words=(${=1}); [[ $1 == *' ' ]] && words+=(''); CURRENT=$#words
_expokeep_completion
"""


def shell(program, *words):
    """What a shell says to a program of its own."""
    ended = subprocess.run(
        [*program, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )
    assert not ended.stderr or "complete" in ended.stderr
    return ended.stdout.splitlines()


def completed(*words):
    """What bash offers for the last of these words."""
    found = shell(["bash", "-c", IN_BASH, str(BIN / "expokeep")], " ".join(words))
    return [one for one in found if one]


def session(name, project_name="My Shop"):
    return SessionDocument(
        session=name,
        owner=None,
        project_name=project_name,
        host=None,
        last_seq=1,
        head_seq=1,
        file_count=1,
        size_bytes=1,
        created_at=NOON,
        saved_at=NOON,
        accessed_at=NOON,
        parked_count=0,
    )


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("expokeep", "res"), ["restore", "resume"]),
        (("expokeep", "restore", "--if"), ["--if-missing", "--if-exists"]),
        (("expokeep", "db", ""), ["migrate", "status"]),
        (("expokeep", "completion", ""), ["bash", "zsh", "fish"]),
        (("expokeep", "--sta"), ["--state-dir"]),
    ],
)
def test_bash_completes_verbs_and_options(words, offered):
    assert completed(*words) == offered


def test_bash_completes_the_sessions_that_the_daemon_knows(asked):
    asked.answers["/v1/sessions"] = SessionList(
        sessions=(session("shop-1"), session("shop-2"))
    )

    assert completed("expokeep", "log", "sh") == ["shop-1", "shop-2"]
    assert asked.query()["prefix"] == ["sh"]


def test_nothing_is_offered_and_nothing_said_without_a_daemon(tmp_path):
    assert completed("expokeep", "--state-dir", str(tmp_path), "log", "sh") == []


class Raw(msgspec.Struct):
    """As much of a document as is read."""

    versions: list = []
    shares: list = []
    templates: list = []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("expokeep restore shop@", ["label:demo", "good", "-1", "7", "6"]),
        ("expokeep restore shop@la", ["label:demo"]),
        ("expokeep restore shop@label:d", ["demo"]),
        ("expokeep diff shop@7 shop@6", ["6"]),
    ],
)
def test_bash_completes_what_stands_behind_an_at(asked, line, offered):
    asked.answers["/v1/sessions/{session}/versions"] = Raw(
        versions=[
            {"seq": 7, "message": "now", "taken_at": "t", "labels": []},
            {"seq": 6, "message": None, "taken_at": "t", "labels": ["demo"]},
        ]
    )

    assert completed(line) == offered


def test_bash_completes_shares_and_templates(asked):
    asked.answers["/v1/shares"] = Raw(shares=[{"share": "s1"}, {"share": "t2"}])
    asked.answers["/v1/templates"] = Raw(templates=[{"name": "blank"}])

    assert completed("expokeep share revoke s") == ["s1"]
    assert completed("expokeep template new ") == ["blank"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("expokeep db ", ["migrate", "status"]),
        ("expokeep log sh", ["shop-1"]),
    ],
)
@pytest.mark.parametrize(
    "program", [["fish", "-c", IN_FISH], ["zsh", "-f", "-c", IN_ZSH, "zsh"]]
)
def test_other_shells_offer_the_same(asked, program, line, offered):
    asked.answers["/v1/sessions"] = SessionList(sessions=(session("shop-1"),))

    found = [one for one in shell(program, line) if one]

    assert [re.split("[\t:]", one)[0] for one in found] == offered


def test_words_beside_an_offer_cannot_harm_a_terminal(asked):
    asked.answers["/v1/sessions"] = SessionList(
        sessions=(session("shop-1", project_name="a\tb\nc \x1b[31m"),)
    )

    (line,) = shell(["fish", "-c", IN_FISH], "expokeep log sh")

    assert line == "shop-1\ta b c \\x1b[31m"


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_the_script_is_a_document_as_well(run, kind):
    told = json.loads(run("completion", kind, "--json").out)

    assert told["script"] + "\n" == run("completion", kind).out


def test_a_shell_that_we_do_not_know_is_refused(run):
    assert run("completion", "tcsh").code == 2
