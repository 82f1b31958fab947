from expokeep.errors import Busy
from expokeep.retention.documents import CollectedDocument

ROUTE = "/v1/gc"


def collected(**more):
    told = {
        "expired": (),
        "purged": ("shop",),
        "merged": 1,
        "retired": 2,
        "retired_bytes": 2048,
        "deleted": 3,
        "deleted_bytes": 4096,
        "failed": {},
        "aborted": 0,
        "is_done": True,
        "dry_run": False,
    }
    return CollectedDocument(**{**told, **more})


def test_it_says_what_was_freed(run, asked):
    asked.answers[ROUTE] = collected()

    ended = run("gc", "--max-time", "10m", "--yes")

    assert ended.code == 0
    assert "3 objects freed, 4.0 KB" in ended.out
    assert "2 objects more, 2.0 KB, freed when the grace is over" in ended.out
    assert "gone for good: shop" in ended.out
    assert asked.body() == {"max_time_s": 600.0, "dry_run": False}


def test_a_dry_run_changes_nothing(run, asked):
    asked.answers[ROUTE] = collected(dry_run=True)

    assert "3 objects would be freed" in run("gc", "--dry-run").out
    assert len(asked.calls) == 1


def test_what_could_not_be_deleted_makes_it_partial(run, asked):
    asked.answers[ROUTE] = collected(failed={"v1/x": "AccessDenied"})

    assert run("gc", "--yes").code == 3


def test_while_a_daemon_is_at_it_nobody_else_is(run, asked):
    asked.answers[ROUTE] = Busy("another daemon looks after what is kept")

    assert run("gc", "--yes").code == 11
