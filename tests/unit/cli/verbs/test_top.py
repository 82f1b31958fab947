import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from answering import session_status, status

BIN = Path(sys.executable).parent
WAIT_S = 30.0


def test_one_look_is_the_table_of_status(run, asked):
    asked.answers["/v1/status"] = status(session_status("shop"))

    ended = run("top", "--once")

    assert ended.code == 0
    assert ended.out.startswith("state           ok\n")
    assert "shop" in ended.out


def test_a_document_by_contract_for_each_look(run, asked):
    asked.answers["/v1/status"] = status(session_status("shop"))

    told = json.loads(run("top", "--once", "--json").out)

    assert told["message_type"] == "status"


@pytest.mark.parametrize("words", [("--interval", "0s"), ("--interval", "soon")])
def test_words_that_mean_nothing_are_refused(run, asked, words):
    assert run("top", *words).code == 2
    assert not asked.calls


def test_on_a_terminal_the_table_renews_itself_until_it_is_stopped(asked):
    asked.answers["/v1/status"] = status(session_status("shop"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [BIN / "expokeep", "top", "--interval", "100ms"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "LINES": "40", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    while shown.count(b"shop") < 3:
        ready, _, _ = select.select([ours], [], [], WAIT_S)
        assert ready, shown
        shown += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    code = process.wait(WAIT_S)
    os.close(ours)

    assert code == 0
    assert len(asked.calls) >= 3
