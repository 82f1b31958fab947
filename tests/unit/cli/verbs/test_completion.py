import os
import subprocess
import sys
from pathlib import Path

import pytest

from answering import NOON
from expokeep.history.documents import SessionDocument, SessionList

BIN = Path(sys.executable).parent
IN_BASH = """
source <("$0" completion bash)
complete -p expokeep >&2 || exit 1
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_expokeep_completion expokeep
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    """What bash offers for the last of these words."""
    ended = subprocess.run(
        ["bash", "-c", IN_BASH, BIN / "expokeep", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )
    return ended.stdout.split()


def session(name):
    return SessionDocument(
        session=name,
        owner=None,
        project_name="My Shop",
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


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_own_form(run, shell):
    script = run("completion", shell).out

    ended = subprocess.run(
        [BIN / "expokeep"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_EXPOKEEP_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": "expokeep re",
            "COMP_CWORD": "1" if shell == "zsh" else "re",
        },
    )

    assert f"_EXPOKEEP_COMPLETE={shell}_complete" in script
    assert "restore" in ended.stdout
    assert "Bring a version back to disk." in ended.stdout


def test_a_shell_that_we_do_not_know_is_refused(run):
    assert run("completion", "tcsh").code == 2
