"""Names that would command a terminal, or are no text: wherever they are told."""

import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from daemons import SCRIPTS, until
from expokeep.model.names import from_text
from neighbours import MALLORY

HOSTILE = [
    b"\x1b]0;owned\x07.js",
    b"\x1b[2J\x1b[31mred.js",
    b"new\nline\r.js",
    b"back\x08\x7f.js",
    b"\xff\xfe.js",
    "\u202egnp.js".encode(),
    "\u009b31m.js".encode(),
    b"-rf",
    b"--to",
    b" ",
    b"$(id);`id`&|'\"*?[",
    b"back\\slash\\x41.js",
    b"n" * 255,
    b"CASE.js",
    b"case.js",
    "\u00e9.js".encode(),
    "e\u0301.js".encode(),
]


OWN = re.compile(rb"\r\n?|\x1b\[(\?25[lh]|2K|1A)")
"""How the bar of progress is drawn: cursor off and on, this line again."""


def hostile(top) -> None:
    """Make a file, a directory with one, a link and a pipe of each of the names."""
    for number, name in enumerate(HOSTILE):
        here = os.fsencode(top) + b"/" + name
        os.mkdir(here)
        for inner in HOSTILE:
            with open(here + b"/" + inner, "wb") as file:
                file.write(b"%d" % number)
        os.symlink(name, here + b"/link")
        os.mkfifo(here + b"/" + name[:200] + b".pipe")
    subprocess.run(["chown", "-hR", f"{MALLORY}:{MALLORY}", top], check=True)


@pytest.fixture(scope="module")
def odd(as_root_module, street):
    """A session with all that, kept."""
    sid, place = street.move_in(MALLORY, {"App.js": b"App"}, hostile)
    yield sid, place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def as_root_module() -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can be somebody else: run the tests as root, as CI does")


def commands_in(shown: bytes) -> list[bytes]:
    """Return what a terminal would obey, besides line ends and our own bar."""
    told = OWN.sub(b"", shown)
    return [bytes([one]) for one in told if one < 0x20 and one not in b"\n\t"]


def on_terminal(daemon, *words) -> bytes:
    """Return what `expokeep WORDS` writes to a terminal that is one."""
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [str(SCRIPTS / "expokeep"), *words],
        env={**daemon._own(), "TERM": "xterm", "NO_COLOR": "1", "PAGER": "cat"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    parts = []
    try:
        while part := os.read(master, 65536):
            parts.append(part)
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(master)
        program.wait(30)
    return b"".join(parts)


def test_names_come_back_as_they_were(odd, street):
    sid, place = odd

    back = street.back(sid)

    assert subprocess.run(
        ["diff", "-r", "--no-dereference", place, back],
        capture_output=True,
        check=False,
    ).stdout.count(b".pipe") == len(HOSTILE)
    for name in HOSTILE:
        listed = set(os.listdir(os.fsencode(back) + b"/" + name))
        assert listed == {*HOSTILE, b"link"}


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "SID"),
        ("save", "SID"),
        ("ls", "SID"),
        ("diff", "SID"),
        ("find", "*"),
        ("log", "SID"),
        ("show", "SID"),
        ("cat", "SID", "\x1b[2J"),
        ("ls", "\x1b[2J"),
        ("events", "--since", "1h", "--no-follow"),
    ],
    ids=" ".join,
)
def test_no_verb_lets_a_name_command_a_terminal(odd, street, words):
    sid, _ = odd

    shown = on_terminal(street.daemon, *(word.replace("SID", sid) for word in words))

    assert shown
    assert commands_in(shown) == [], shown[:400]
    assert "\u202e".encode() not in shown
    assert "\u009b".encode() not in shown


def test_neither_does_the_log_and_it_is_one_line_for_each(odd, street):
    sid, _ = odd
    street.save(sid)
    until(lambda: street.daemon.log.count("file left out") >= 10, "it tells of them")

    log = street.daemon._log.read_bytes()

    assert commands_in(log) == []
    assert all(line.startswith(b"20") for line in log.splitlines())


def test_json_is_json_whatever_the_names(odd, street):
    sid, _ = odd

    done = street.daemon.cli("ls", sid, "--json")

    (listed,) = [json.loads(line) for line in done.stdout.splitlines()]
    names = {from_text(entry["path"]) for entry in listed["entries"]}
    assert names >= {*HOSTILE, b"App.js"}
    assert commands_in(done.stdout.encode()) == []
