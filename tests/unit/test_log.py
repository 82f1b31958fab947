import json
import logging
import os
import subprocess
import sys
import threading
import warnings

import pytest
import structlog

from expokeep import concealing, journal, log

BELL = "x\n<0>forged \x1b[2J\r\udcff\u202e\x9b"


@pytest.fixture(autouse=True)
def apart(monkeypatch):
    """Leave the log of the other tests as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, structlog.get_config()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    monkeypatch.setattr(concealing, "_spellings", set())
    monkeypatch.setattr(concealing, "_known", {})
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.configure(**before[2])
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)


@pytest.fixture
def in_journal(capfd, monkeypatch):
    """Let stderr be what systemd would have made of it."""
    found = os.fstat(journal.STDERR)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")


def raised(words):
    """Return an exception that has been on its way."""
    try:
        int("x")
    except ValueError as error:
        return RuntimeError(words).with_traceback(error.__traceback__)


@pytest.mark.parametrize(
    ("level", "mark"),
    [("debug", "<7>"), ("info", "<6>"), ("warning", "<4>"), ("error", "<3>")],
)
def test_a_line_in_the_journal_has_its_priority_and_no_time(
    in_journal, capfd, level, mark
):
    log.configure(level="debug")

    getattr(log.get("x"), level)("version recorded", session="shop", took_s=2.4)

    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"{mark}[{level}")
    assert "version recorded" in line
    assert "session=shop took_s=2.4" in line
    assert "20" not in line.replace("2.4", "")  # no year, hence no time


def test_json_in_the_journal_has_its_priority_as_well(in_journal, capfd):
    log.configure(as_json=True)

    log.get("x").warning("it went wrong", file=BELL)

    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("<4>{")
    assert json.loads(line[3:]) == {
        "event": "it went wrong",
        "file": BELL,
        "level": "warning",
    }


def test_every_line_of_a_traceback_has_the_priority_of_the_first(in_journal, capfd):
    log.configure()
    log.get("x").error("request failed", exc_info=raised("a\n<0>forged"))

    lines = capfd.readouterr().err.splitlines()
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_elsewhere_a_line_has_a_time_and_no_priority(capfd):
    log.configure()

    log.get("x").info("ready", sessions=3)

    (line,) = capfd.readouterr().err.splitlines()
    assert line[:2] == "20"
    assert line.endswith("ready sessions=3")


@pytest.mark.parametrize("is_journal", [False, True])
def test_what_others_said_stays_on_its_line_and_harms_no_terminal(
    capfd, monkeypatch, is_journal
):
    if is_journal:
        found = os.fstat(journal.STDERR)
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    log.configure()

    log.get("x").info(
        f"event {BELL}",
        path=BELL,
        many=[BELL],
        raw=BELL.encode("utf-8", "surrogatepass"),
    )
    logging.getLogger("someone.else").warning("said %s", BELL)

    written = capfd.readouterr().err
    lines = written.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines), written
    assert r"path='x\n<0>forged \x1b[2J\r\xff\u202e\x9b'" in lines[0]


def test_no_line_of_a_traceback_can_be_taken_for_one_of_the_log(capfd):
    log.configure()
    forged = "a\n2026-11-24T10:00:00Z [info     ] all is well\x1b[2J"
    log.get("x").error("request failed", exc_info=raised(forged))

    _, *below = capfd.readouterr().err.splitlines()
    assert all(line.startswith("    ") and line.isprintable() for line in below)


@pytest.mark.parametrize("length", [3_000, 100_000])
def test_a_value_of_any_length_is_one_line_of_the_journal(in_journal, capfd, length):
    log.configure(as_json=True)

    log.get("x").info("long", path="\N{SNOWMAN}" * length)

    (line,) = capfd.readouterr().err.splitlines()
    assert len(line) < 48 * 1024
    assert json.loads(line[3:])["event"] == "long"


def test_an_event_of_any_length_is_one_line_of_the_journal(in_journal, capfd):
    log.configure(as_json=True)

    logging.getLogger("someone.else").warning("\N{SNOWMAN}" * 100_000)

    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line[3:])["event"].startswith("\N{SNOWMAN}")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_secret_is_said_by_nobody(capfd, as_json):
    concealing.conceal(['canary-"secret'])
    log.configure(as_json=as_json, level="debug")

    log.get("x").info('canary-"secret', a='canary-"secret', b=['canary-"secret'])
    log.get("x").info("x", error=RuntimeError('canary-"secret'), token="canary-2")
    logging.getLogger("someone.else").warning('canary-"secret')
    log.get("x").error("failed", exc_info=raised('canary-"secret'))

    assert "canary" not in capfd.readouterr().err


def test_what_ends_a_thread_is_told_by_the_log(capfd):
    log.configure(as_json=True)
    log.hear_all()

    def fail():
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail, name="saver-1")
    thread.start()
    thread.join()

    told = json.loads(capfd.readouterr().err)
    assert (told["level"], told["thread"]) == ("error", "saver-1")
    assert "ValueError: in a thread" in told["exception"]


def test_a_thread_that_ends_by_itself_is_no_news(capfd):
    log.configure()
    log.hear_all()

    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()

    assert capfd.readouterr().err == ""


def test_a_warning_is_a_line_of_the_log(capfd):
    log.configure(as_json=True)
    log.hear_all()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this will go away", DeprecationWarning, stacklevel=1)

    told = json.loads(capfd.readouterr().err)
    assert told["level"] == "warning"
    assert "this will go away" in told["event"]


PROGRAM = """
import os, sys
from expokeep import concealing, log
os.environ["JOURNAL_STREAM"] = "{0.st_dev}:{0.st_ino}".format(os.fstat(2))
concealing.conceal(["canary-secret"])
log.configure()
log.hear_all()
"""


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("raise ValueError('canary-secret')", "uncaught exception"),
        ("os.abort()", "Fatal Python error: Aborted"),
        ("type('Odd', (), {'__del__': lambda _: int('x')})()", "nobody could hear"),
    ],
)
def test_what_ends_the_process_is_told_by_the_log(last, words):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM + last],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert words in ended.stderr
    assert "canary" not in ended.stderr
