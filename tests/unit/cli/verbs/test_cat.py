import subprocess
import sys
from pathlib import Path

from expokeep.errors import UsageError

ROUTE = "/v1/versions/{ref}/contents"
EXPOKEEP = Path(sys.executable).with_name("expokeep")
BYTES = bytes(range(256)) * 1000


def test_bytes_are_printed_as_they_are(asked):
    asked.answers[ROUTE] = BYTES

    ended = subprocess.run(
        [EXPOKEEP, "cat", "shop@7", b"a\xff"], capture_output=True, check=True
    )

    assert ended.stdout == BYTES
    assert ended.stderr == b""
    assert asked.query() == {"path": ["a\\xff"]}


def test_a_reader_that_leaves_is_no_trouble(asked):
    asked.answers[ROUTE] = BYTES * 100

    ended = subprocess.run(
        ["sh", "-c", '"$0" cat shop a | head -c 1 | wc -c', EXPOKEEP],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.strip() == "1"
    assert ended.stderr == ""


def test_a_full_disk_is_an_error_with_a_code(asked):
    asked.answers[ROUTE] = BYTES

    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [EXPOKEEP, "cat", "shop", "a"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == 18
    assert ended.stderr.startswith("expokeep: error: cannot go on: ")
    assert "Traceback" not in ended.stderr


def test_a_closed_stdout_is_no_traceback(asked):
    asked.answers[ROUTE] = BYTES

    ended = subprocess.run(
        ["sh", "-c", '"$0" cat shop a >&-', EXPOKEEP],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stderr == ""


def test_what_is_no_file_is_a_usage_error(run, asked):
    asked.answers[ROUTE] = UsageError("src is a directory, not a file")

    assert run("cat", "shop", "src").code == 2


def test_a_person_may_shorten_an_id(asked):
    asked.answers[ROUTE] = BYTES

    subprocess.run([EXPOKEEP, "cat", "sh", "a"], capture_output=True, check=True)

    assert asked.may_be_short()
