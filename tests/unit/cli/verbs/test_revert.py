import pytest

from expokeep.fork.documents import Reverted
from expokeep.history.documents import Progress

ROUTE = "/v1/sessions/{session}/revert"


def reverted(**more):
    told = {
        "session": "shop",
        "state": "recorded",
        "version": 18,
        "origin_version": 17,
        "set_count": 2,
        "gone_count": 1,
        "directory": None,
    }
    return Reverted(**{**told, **more})


def test_going_back_is_a_new_version(run, asked):
    asked.answers[ROUTE] = [
        Progress(done_bytes=1, total_bytes=2, phase="upload"),
        reverted(),
    ]

    ended = run("revert", "shop", "17", "src/a", "-m", "why", "--force", "--yes")

    assert ended.code == 0
    assert ended.out == (
        "shop is back at version 17, as version 18: 2 changed, 1 gone\n"
    )
    assert asked.body() == {
        "version": "shop@17",
        "paths": ["src/a"],
        "message": "why",
        "force": True,
        "dry_run": False,
    }


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("shop@17", "shop@17"),
        ("2h", "shop@2h"),
        ("20261124", "shop@20261124"),
        ("label:demo", "shop@label:demo"),
        ("2026-11-24T10:00+00:00", "shop@2026-11-24T10:00+00:00"),
    ],
)
def test_a_version_is_one_of_the_session(run, asked, said, sent):
    asked.answers[ROUTE] = [reverted(state="unchanged")]

    assert run("revert", "shop", said, "--yes").code == 0
    assert asked.body()["version"] == sent


def test_a_dry_run_changes_nothing_and_says_what_would(run, asked):
    asked.answers[ROUTE] = [
        reverted(state="planned", version=None, directory="/tmp/expo-shop")
    ]

    ended = run("revert", "shop", "17", "--dry-run")

    assert ended.out == "shop would go back to version 17: 2 changed, 1 gone\n"
    assert len(asked.calls) == 1
    assert asked.body()["dry_run"] is True


def test_what_is_so_already_stays(run, asked):
    asked.answers[ROUTE] = [reverted(state="unchanged", version=17)]

    ended = run("revert", "shop", "17", "--yes")

    assert ended.out == "shop is as version 17 was; nothing to do\n"


def test_a_version_beside_the_head_is_told_by_the_exit_code(run, asked):
    asked.answers[ROUTE] = [reverted(parked="host there holds this session")]

    ended = run("revert", "shop", "17", "--yes")

    assert ended.code == 4
    assert "host there holds this session" in ended.err
