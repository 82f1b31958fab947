from answering import NOON
from expokeep.errors import NotFound
from expokeep.retention.documents import SessionDeleted

ROUTE = "/v1/sessions/{session}/delete"


def deleted(**more):
    told = {
        "session": "shop",
        "versions": 3,
        "content_count": 2,
        "content_bytes": 1024,
        "gone_at": NOON,
        "dry_run": False,
    }
    return SessionDeleted(**{**told, **more})


def test_it_says_what_goes_and_until_when_it_can_be_had_back(run, asked):
    asked.answers[ROUTE] = deleted()

    ended = run("delete", "shop")

    assert ended.code == 0
    assert "shop is deleted: 3 versions, 1.0 KB in 2 contents" in ended.out
    assert "undelete" in ended.out
    assert asked.body() == {"now": False, "dry_run": False}


def test_a_dry_run_asks_for_nothing_else(run, asked):
    asked.answers[ROUTE] = deleted(dry_run=True)

    ended = run("delete", "shop", "--dry-run")

    assert "would be deleted" in ended.out
    assert len(asked.calls) == 1
    assert asked.body()["dry_run"] is True


def test_now_is_for_good(run, asked):
    asked.answers[ROUTE] = deleted(gone_at=None)

    assert "is gone" in run("delete", "shop", "--now", "--yes").out
    assert asked.body()["now"] is True


def test_what_is_not_there_is_not_deleted(run, asked):
    asked.answers[ROUTE] = NotFound("no session shop is kept")

    assert run("delete", "shop").code == 10
