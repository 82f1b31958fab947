"""Whatever a person says wrongly ends with a message, a hint and a code of the table.

The command line runs in this process, on the real daemon: a fault would be a traceback
of the test.
"""

import json
import os
import re
import signal
import socket
import subprocess
from dataclasses import dataclass, field

import pytest

from daemons import SCRIPTS, appear, write
from expokeep.cli.main import main

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@dataclass(frozen=True)
class Wrong:
    """A use that is wrong, and what is said to it."""

    words: str
    code: int
    said: str
    hint: str = "."
    """A pattern, as `said`; click's own usage lines count as a hint."""
    environ: dict[str, str] = field(default_factory=dict)


USES = (
    # Names that nobody knows.
    Wrong(
        "status nosuch", 10, "no session nosuch has a directory", "expokeep sessions"
    ),
    Wrong("log nosuch", 10, "no session nosuch is kept", "sessions --all"),
    Wrong("show {sid}@99", 10, "99"),
    Wrong("show {sid}@label:none", 10, "none"),
    Wrong("ls {sid} nowhere", 10, "nowhere"),
    Wrong("cat {sid} missing.js", 10, "missing.js"),
    Wrong("blame {sid} missing.js", 10, "missing.js"),
    Wrong("diff {sid}@1 {sid}@99", 10, "99"),
    Wrong("restore nosuch --to {top}/new", 10, "nosuch"),
    Wrong("exec nosuch -- true", 10, "nosuch"),
    Wrong("save nosuch", 10, "no directory on this host", "expokeep status"),
    Wrong("accept {sid}@99", 10, "99"),
    Wrong("pin {sid}@99", 10, "99"),
    Wrong("label --remove none {sid}", 10, "none"),
    Wrong("delete nosuch", 10, "nosuch"),
    Wrong("undelete {sid}", 10, "no deleted session"),
    Wrong("forget nosuch --keep-last 1", 10, "nosuch"),
    Wrong("pause nosuch", 10, "nosuch is here", "expokeep status"),
    Wrong("resume nosuch", 10, "nosuch is here", "expokeep status"),
    Wrong("flush nosuch", 10, "nosuch is not on this host"),
    Wrong("template new nosuch", 10, "nosuch"),
    Wrong("fork nosuch", 10, "nosuch"),
    Wrong("revert {sid} {sid}@99", 10, "99"),
    Wrong("share show nosuch", 14, "this share cannot be used", "share list"),
    Wrong("share import nosuch", 14, "this share cannot be used"),
    # What leaves the house, and what comes in.
    Wrong("export nosuch -o {top}/x.zip", 10, "nosuch"),
    Wrong("plan nosuch", 10, "nosuch"),
    Wrong("publish create nosuch", 10, "nosuch"),
    Wrong("export {sid} -o {top}/no/such/x", 1, "cannot write", "another place"),
    Wrong("export {sid} -o {top}", 4, "exists", "--force"),
    Wrong("plan {sid} --expires 8d", 2, "a link lives for 1s to 7d"),
    Wrong("plan {sid} --compat", 2, "not made here", "compat-archive"),
    Wrong("import", 2, "name one of --from-archive and --from-git"),
    Wrong("import --from-archive {top}/none", 2, "cannot read"),
    Wrong("import --from-git http://x/y", 2, "nothing to clone", "https or ssh"),
    # Words that mean nothing.
    Wrong("statsu", 2, "No such command 'statsu'", "status"),
    Wrong("status --unknown", 2, "No such option", "--help"),
    Wrong("show {sid}@", 2, "version", "--help"),
    Wrong("show {sid}@2026-13-45T10:00", 2, "2026-13-45"),
    Wrong("show ../etc/passwd", 2, "etc/passwd"),
    Wrong("show {part}", 2, "fits several sessions"),
    Wrong("log {sid} --since yesterday", 2, "'yesterday' is no time"),
    Wrong("events --since never", 2, "'never' is no time"),
    Wrong("audit --since never", 2, "'never' is no time"),
    Wrong("find", 2, "PATTERN"),
    Wrong("label {sid} bad@label", 2, "a label has 1 to 100 characters"),
    Wrong("label {sid}", 2, "--remove NAME SID"),
    Wrong("pause", 2, "name one session, or say --all"),
    Wrong("pause {sid} --for soon", 2, "'soon' is no time; write 30s"),
    Wrong("top --interval 0s", 2, "at least 0.1s"),
    Wrong("status --timeout soon", 2, "'soon' is no time"),
    Wrong("forget --keep-last many", 2, "'many' is not a valid integer"),
    Wrong("gc --max-time never", 2, "'never' is no time"),
    Wrong("restore {sid} --to ''", 2, "it is empty"),
    Wrong("restore {sid} --swap --if-missing", 2, "exclude each other"),
    Wrong("exec {sid}", 2, "COMMAND"),
    Wrong("export {sid} --format rar -o {top}/x", 2, "'rar' is not one of"),
    Wrong("log {sid} --from-bucket", 2, "--from-bucket goes together with --direct"),
    Wrong("pause {sid} --direct", 2, "only the daemon can do this", "leave|Without"),
    Wrong("rebuild", 2, "--from-bucket"),
    Wrong("cost --month 2026-13", 2, "2026-13"),
    Wrong("completion tcsh", 2, "'tcsh' is not one of"),
    Wrong("--as '' status", 2, "user"),
    Wrong("quota set", 2, "--user"),
    # What is in the way.
    Wrong("restore {sid} --to {top}/full", 4, "full", "--swap|--to DIR"),
    Wrong("template create {other} {template}", 4, "{template}"),
    Wrong("fork {sid} --session {other}", 4, "{other}"),
    Wrong("rebuild --from-bucket", 4, "catalog|sessions"),
    Wrong("restore {sid} --to {top}/file/new", 1, "file"),
    # Rights, and what does not answer.
    Wrong("--as ann log {sid}", 10, "no session {sid} is kept"),
    Wrong("--as ann gc", 12, "this is for operators", "nobody's behalf"),
    Wrong(
        "status --socket {top}/nowhere", 16, "no daemon answers", "expokeepd running"
    ),
    Wrong("status --state-dir {top}", 16, "no daemon answers", "expokeepd running"),
    Wrong("status --socket {odd}", 16, "cut short|odd", "expokeepd running"),
    Wrong("status --socket {deaf} --timeout 100ms", 124, "0.1 s", "--timeout"),
    Wrong(
        "log {sid} --direct",
        17,
        "5432|127.0.0.1|connect",
        "doctor",
        {"DATABASE_URL": NOWHERE},
    ),
    # Settings.
    Wrong("config validate {top}/missing.yaml", 78, "missing.yaml"),
    Wrong("config validate {top}/unknown.yaml", 78, "unknown.yaml:1: nosuch-key"),
    Wrong("config validate {top}/value.yaml", 78, "value.yaml:1: workers"),
    Wrong("config validate {top}/bytes.yaml", 78, "bytes.yaml"),
    Wrong("config validate {top}", 78, "directory"),
    Wrong("config show -c {top}/unknown.yaml", 78, "nosuch-key"),
)


@pytest.fixture(scope="module")
def places(daemon):
    """What the words above name."""
    top = daemon.site.top
    sid, directory = daemon.site.session("wrong")
    other, beside = daemon.site.session("wrong")
    for one in (directory, beside):
        appear(one, {"package.json": "{}", "App.js": "one"})
    for one in (sid, other):
        daemon.await_versions(one, 1)
    write(top / "full", {"in.js": "the way"})
    write(
        top,
        {
            "file": "no directory",
            "unknown.yaml": "nosuch-key: 1\n",
            "value.yaml": "workers: many\n",
            "bytes.yaml": b"\xff\xfe\x00",
        },
    )
    template = f"t-{sid}"
    assert daemon.cli("template", "create", sid, template).returncode == 0
    with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as odd:
        deaf.bind(str(top / "deaf"))
        deaf.listen()
        odd.bind(str(top / "odd"))  # nobody listens
        yield {
            "sid": sid,
            "other": other,
            "part": "wrong-",
            "template": template,
            "top": str(top),
            "deaf": str(top / "deaf"),
            "odd": str(top / "odd"),
        }


@pytest.fixture
def said(daemon, capfd, monkeypatch):
    """Run the command line in this process; return its code, and what it said."""
    for name, value in {**daemon._own(), "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def said(words, environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        return ended.value.code, *capfd.readouterr()

    yield said
    for number, handler in before.items():
        signal.signal(number, handler)


def split(text, places):
    return [
        "" if word == "''" else word
        for word in text.format(**places).split(" ")
        if word
    ]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.words)
def test_a_wrong_use_is_answered_with_a_message_and_a_hint(use, places, said):
    code, out, err = said(split(use.words, places), use.environ)

    assert code == use.code, err
    assert "Traceback" not in err
    first, *rest = err.rstrip("\n").splitlines()
    if first.startswith("Usage: "):  # click's own form
        hint, first = rest[0], rest[-1]
    else:
        assert first.startswith("expokeep: error: ")
        hint = rest[-1] if rest else ""
        assert hint.startswith("hint: "), err
    pattern = re.sub(r"\{(\w+)\}", lambda found: re.escape(places[found[1]]), use.said)
    assert re.search(pattern, first) or re.search(pattern, err), err
    assert re.search(use.hint, err), err
    assert hint
    assert not out or use.words.startswith("status")  # it shows what there is


def test_there_are_many_and_of_each_kind():
    assert len(USES) > 60
    assert {use.code for use in USES} >= {1, 2, 4, 10, 12, 14, 16, 17, 78, 124}


@pytest.mark.parametrize("use", USES[::9], ids=lambda use: use.words)
def test_as_json_it_is_one_document(use, places, said):
    code, out, err = said(["--json", *split(use.words, places)], use.environ)

    told = json.loads(err)
    assert (told["message_type"], told["exit_code"], code) == ("error", code, use.code)
    assert told["hint"]
    assert not out or use.words.startswith("status")


BUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"])
"""Whether the end of an output fails as it is written, or when all is over."""


@BUFFERED
def test_a_full_disk_behind_our_output_is_told_as_one(daemon, places, unbuffered):
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [SCRIPTS / "expokeep", "cat", places["sid"], "App.js"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**daemon._own(), "PYTHONUNBUFFERED": unbuffered},
        )

    assert ended.returncode == 18
    assert "df -h" in ended.stderr


@BUFFERED
def test_nobody_who_went_away_is_a_fault(daemon, places, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        ended = subprocess.run(
            [SCRIPTS / "expokeep", "log", places["sid"]],
            check=False,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            env={**daemon._own(), "PYTHONUNBUFFERED": unbuffered},
        )

    assert not ended.stderr
    assert ended.returncode == 1
