import os
import socket
import threading

import pytest

from expokeep import journal


def stream_of(fd):
    found = os.fstat(fd)
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_stderr_is_the_journal_if_it_is_what_systemd_said(capfd):
    assert journal.is_journal(stream_of(journal.STDERR))


def test_stderr_that_somebody_led_elsewhere_is_not_the_journal(tmp_path, capfd):
    with (tmp_path / "log").open("w") as elsewhere:
        assert not journal.is_journal(stream_of(elsewhere.fileno()))


@pytest.mark.parametrize("said", [None, "", "1", "a:b", "1:2:3", ":", "-1:-1"])
def test_what_is_no_stream_is_not_the_journal(said):
    assert not journal.is_journal({} if said is None else {"JOURNAL_STREAM": said})


def test_a_descriptor_that_is_closed_is_not_the_journal():
    assert not journal.is_journal({"JOURNAL_STREAM": "1:1"}, fd=12345)


def test_every_line_has_its_priority():
    assert journal.prefixed("a\n\nb", "warning") == "<4>a\n<4>\n<4>b"
    assert journal.prefixed("a", "no such level") == "<6>a"


@pytest.mark.parametrize("one", ["\N{SNOWMAN}", "\udcff", "a"])
def test_no_line_is_so_long_that_the_journal_makes_two_of_it(one):
    line = journal.prefixed(one * 100_000, "debug")

    assert 30 * 1024 < len(line.encode(errors="backslashreplace")) < 48 * 1024


def test_a_way_of_its_own_into_the_journal_says_its_priority(tmp_path, monkeypatch):
    path = tmp_path / "stdout"
    monkeypatch.setattr(journal, "_STREAM", str(path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        heard: list[bytes] = []

        def hear():
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as said:
                heard.extend(said)

        thread = threading.Thread(target=hear)
        thread.start()
        stream = journal.stream("error")
        assert stream is not None
        os.write(stream.fileno(), b"Fatal Python error\n")
        stream.close()
        thread.join(10)

    assert heard == [
        b"expokeepd\n",
        b"\n",
        b"3\n",
        *[b"0\n"] * 4,
        b"Fatal Python error\n",
    ]


def test_without_a_journal_there_is_no_way_into_it(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_STREAM", str(tmp_path / "missing"))

    assert journal.stream("error") is None
