import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
from expokeep.cli.bar import bar
from expokeep.cli.options import Options
with bar(Options({options}), "restoring") as advance:
    advance(0, 0)
    advance(1024, 3 << 20)
"""


def on_terminal(options=""):
    """What a person sees while it goes on; nothing of it is left afterwards."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(options=options)],
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(person, 1 << 16):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(person)
    assert process.wait(timeout=20) == 0
    return shown.decode()


def test_a_person_sees_how_far_it_is():
    shown = on_terminal()

    assert "restoring" in shown
    assert "1.0 KB of 3.0 MB" in shown


@pytest.mark.parametrize("options", ["quiet=True", "as_json=True", "progress=False"])
def test_nothing_is_drawn_if_it_is_not_wanted(options):
    assert on_terminal(options) == ""


def test_nothing_is_drawn_in_a_pipe():
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(options="")],
        capture_output=True,
        check=True,
    )

    assert ended.stderr == ended.stdout == b""
