import json

import pytest

from answering import NOON
from expokeep.builds.documents import BuildDocument, BuildList

ROUTE = "/v1/builds"


def build(name="shop", **more):
    told = {
        "session": name,
        "owner": "ann",
        "project_name": "Shop",
        "version": 7,
        "file_count": 3,
        "size_bytes": 1536,
        "message": None,
        "labels": (),
        "created_at": NOON,
        "saved_at": NOON,
        "accessed_at": NOON,
        "expires_at": NOON,
        "is_pinned": False,
        "is_shared": False,
        "parked": None,
        "deleted_at": None,
        "expired": False,
        "gone_at": None,
        "icon": None,
        "directory": None,
    }
    return BuildDocument(**{**told, **more})


def test_builds_are_listed_as_their_owner_sees_them(run, asked):
    asked.answers[ROUTE] = BuildList(
        builds=(
            build(is_shared=True, directory="/tmp/expo-shop"),
            build("kept", is_pinned=True, expires_at=None, project_name=None),
            build("over", version=None, parked="over quota: 50 of 50"),
        )
    )

    ended = run("list")

    assert ended.code == 0
    header, shop, kept, over = ended.out.splitlines()
    assert header.split() == [
        *("NAME", "SESSION", "OWNER", "FILES", "SIZE", "USED", "EXPIRES", "IS")
    ]
    assert shop.startswith("Shop  shop     ann    3      1.5 KB")
    assert shop.rstrip().endswith("here, shared")
    assert "never" in kept
    assert kept.rstrip().endswith("pinned")
    assert over.rstrip().endswith("over quota: 50 of 50")


def test_a_deleted_build_says_until_when_it_can_be_had_back(run, asked):
    asked.answers[ROUTE] = BuildList(
        builds=(build(deleted_at=NOON, gone_at=NOON, expired=True),)
    )

    assert run("list", "--deleted").out.rstrip().endswith("expired")


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ((), {"limit": ["100"]}),
        (("--user", "ann", "--limit", "7"), {"user": ["ann"], "limit": ["7"]}),
        (("--shared",), {"shared": ["true"], "limit": ["100"]}),
        (("--deleted",), {"deleted": ["true"], "limit": ["100"]}),
    ],
)
def test_what_is_wanted_is_asked_for(run, asked, words, query):
    asked.answers[ROUTE] = BuildList()

    run("list", *words)

    (call,) = asked.calls
    assert {name: list(values) for name, values in call.query.items()} == query


def test_more_than_are_shown_are_told_of(run, asked):
    asked.answers[ROUTE] = BuildList(builds=(build(),), next="2026~shop")

    assert "--all" in run("list", "--limit", "1").err
    told = json.loads(run("list", "--limit", "1", "--json").out)
    assert (told["next"], len(told["builds"])) == ("2026~shop", 1)
