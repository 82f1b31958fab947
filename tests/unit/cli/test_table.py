import os
import pty
import struct
import subprocess
import sys
import termios
from fcntl import ioctl

import pytest

from expokeep.cli.table import cells, line, table

HEADERS = ("SESSION", "OWNER", "NOTE")
ROWS = [
    ["0f5e8a1c-4b7e-4f6e-9d3b-6a1f2c3d4e51", "alice@example.com", "a long story " * 9],
    ["日本", "-", "e\u0301" * 60],
]
PROGRAM = f"""
from expokeep.cli.table import table
table({HEADERS}, {ROWS}, gives_way=("NOTE", "OWNER"))
"""


def on_terminal(columns, program=PROGRAM, **environ):
    """What a person sees at a terminal that is so wide."""
    person, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environ = {**clean, "TERM": "xterm-256color", **environ}
    environ.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=terminal, stdin=terminal, env=environ
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
    return shown.decode().splitlines()


@pytest.fixture
def printed(capsys):
    def printed(headers, rows, gives_way=()):
        table(headers, rows, gives_way=gives_way)
        return capsys.readouterr().out.splitlines()

    return printed


def test_a_pipe_gets_all_of_it_aligned_and_plain(printed):
    header, first, second = printed(HEADERS, ROWS, ("NOTE",))

    assert header.index("OWNER") == first.index("alice") == 38
    assert second.startswith("日本" + " " * 34 + "-")
    assert first.endswith(("a long story " * 9).rstrip())


def test_a_pipe_keeps_columns_without_contents(printed):
    header, row = printed(HEADERS, [["shop", "-", ""]], ("OWNER", "NOTE"))

    assert header.split() == list(HEADERS)
    assert row.split() == ["shop", "-"]


def test_no_rows_are_a_header_alone(printed):
    assert printed(HEADERS, []) == ["SESSION  OWNER  NOTE"]


@pytest.mark.parametrize("columns", [80, 100])
def test_a_terminal_gets_one_line_a_row(columns):
    lines = on_terminal(columns)

    assert len(lines) == 3
    assert all(cells(row) <= columns for row in lines[1:])
    assert lines[1].startswith(ROWS[0][0])
    assert lines[1].endswith("…")


def test_an_id_is_never_cut_however_narrow_it_is():
    assert on_terminal(30)[1].startswith(ROWS[0][0])


def test_a_terminal_sees_no_columns_without_contents():
    program = PROGRAM.replace("alice@example.com", "-")

    assert "OWNER" not in on_terminal(80, program)[0]


def test_headers_are_bold_on_a_terminal():
    assert on_terminal(80)[0].startswith("\x1b[1m")


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_letters_are_plain_if_they_are_to_be(environ):
    assert "\x1b" not in "".join(on_terminal(80, **environ))


@pytest.mark.parametrize(
    ("cell", "width", "shown"),
    [
        ("abc", 3, "abc|"),
        ("abcd", 3, "ab…|"),
        ("日本語", 5, "日本…|"),
        ("日本語", 4, "日… |"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…|"),
    ],
)
def test_a_cell_is_cut_by_what_it_takes_on_screen(cell, width, shown):
    assert line([cell, "|"], [width, 1]).replace("  |", "|") == shown
