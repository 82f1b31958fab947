import json

from answering import NOON, version
from expokeep.errors import BackendUnreachable
from expokeep.restore.receipts import DrillProgress, ReceiptDocument

ROUTE = "/v1/drills"
PROGRESS = DrillProgress(done_bytes=0, total_bytes=1536, phase="shop@7")


def receipt(**more):
    told = {
        "version": version(),
        "is_well": True,
        "error": None,
        "file_count": 3,
        "size_bytes": 1536,
        "fetched_bytes": 1024,
        "tree": "ab" * 32,
        "took_s": 0.5,
        "host": "one",
        "at": NOON,
    }
    return ReceiptDocument(**{**told, **more})


FAILED = receipt(is_well=False, error="no object is at v1/x", tree=None)


def test_a_proved_version_is_named(run, asked):
    asked.answers[ROUTE] = [PROGRESS, receipt()]

    ended = run("drill", "shop@7")

    assert ended.code == 0
    assert ended.out == (
        "proved  shop@7: 3 files, 1.5 KB, 0.50 s, tree abababababababab\n"
    )
    assert asked.body() == {"version": "shop@7", "random": 1}


def test_so_many_at_random(run, asked):
    asked.answers[ROUTE] = [PROGRESS, receipt(), PROGRESS, receipt()]

    assert run("drill", "--random", "2").code == 0
    assert asked.body() == {"version": None, "random": 2}


def test_a_version_that_does_not_restore_is_damage(run, asked):
    asked.answers[ROUTE] = [PROGRESS, FAILED]

    ended = run("drill")

    assert ended.code == 15
    assert ended.out == "FAILED  shop@7: no object is at v1/x\n"


def test_receipts_are_written_down(run, asked, tmp_path):
    asked.answers[ROUTE] = [PROGRESS, receipt(), PROGRESS, FAILED]

    assert run("drill", "--receipt", tmp_path / "receipt", "-q").code == 15

    lines = (tmp_path / "receipt").read_text().splitlines()
    assert [json.loads(line)["is_well"] for line in lines] == [True, False]


def test_nothing_to_drill_is_not_success(run, asked):
    asked.answers[ROUTE] = []

    assert run("drill").code == 10


def test_a_server_that_is_away_is_no_damage(run, asked):
    asked.answers[ROUTE] = [PROGRESS, BackendUnreachable("no answer")]

    assert run("drill").code == 17


def test_a_version_and_a_number_contradict_each_other(run, asked):
    assert run("drill", "shop", "--random", "2").code == 2
