"""A session with more names than anybody needs: bounded memory, and others are kept.

That a scan takes no more than a million names, and no more than so many bytes of them,
is in `test_what_is_read.py`, with smaller numbers.
"""

import subprocess
from pathlib import Path

import pytest

from daemons import until
from measuring import peak_bytes
from neighbours import ALICE, MALLORY, PYTHON, as_user, remove

MAKING = """
import os, sys
top, many, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.makedirs(top)
for number in range(many):
    directory = f"{top}/{number // each}"
    if number % each == 0:
        os.mkdir(directory)
    os.close(os.open(f"{directory}/{number:040}", os.O_CREAT | os.O_WRONLY))
"""


def make_many(street, many: int, per_directory: int) -> tuple[str, Path]:
    """Make a session of so many empty files, as Mallory."""
    sid, place = street.site.session("many")
    words = [PYTHON, "-c", MAKING, str(place), str(many), str(per_directory)]
    subprocess.run([*as_user(MALLORY), *words], check=True)
    return sid, place


@pytest.mark.parametrize(
    ("many", "most_bytes"),
    [
        (5_000, 300 << 20),
        pytest.param(50_000, 600 << 20, marks=pytest.mark.long),
    ],
)
@pytest.mark.timeout(900)
def test_a_session_of_many_names_is_kept_and_holds_up_no_other(
    street, hidden, many, most_bytes
):
    alices, her_place = street.move_in(ALICE, {"App.js": b"1"})
    sid, place = make_many(street, many, 1_000)
    for number in range(2, 5):
        (her_place / "App.js").write_bytes(b"%d" % number)
        street.daemon.await_versions(alices, number, timeout_s=300)

    street.daemon.await_versions(sid, 1, timeout_s=300)
    street.daemon.ask("flush", sid, "--wait")

    assert street.site.versions(sid)[-1]["file_count"] == many
    assert peak_bytes(street.daemon.pid) < most_bytes
    # One watch for a directory, whatever is in it.
    assert street.daemon.ask("status")["watch"]["watches"] < 100
    remove(place)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_names_and_more_are_kept_as_far_as_they_may_be(street, hidden):
    sid, place = make_many(street, 1_100_000, 100_000)

    def told():
        return street.daemon.ask("status", sid)["sessions"]

    def reasons():
        return {one["reason"] for line in told() for one in line["skipped"]}

    # Versions come while the names are still being made; only a whole look skips some.
    until(lambda: reasons() == {"too many"}, "a look at all names", 3000)
    until(lambda: told()[0]["state"] == "idle", "what may be kept is kept", 3000)

    assert peak_bytes(street.daemon.pid) < 8 << 30
    assert street.site.versions(sid)[-1]["file_count"] > 900_000
    street.assert_serves()
    remove(place)
    street.daemon.await_end(sid)
