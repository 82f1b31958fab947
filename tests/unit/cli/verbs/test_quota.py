import json

import pytest

from expokeep.builds.documents import QuotaDocument, QuotaList

ROUTE = "/v1/quota"


def quota(user="ann", **more):
    told = {
        "user": user,
        "builds": 3,
        "size_bytes": 1536,
        "max_builds": 50,
        "max_bytes": None,
        "is_default": True,
        "waiting": 0,
    }
    return QuotaDocument(**{**told, **more})


def quotas(*users, truncated=False):
    return QuotaList(
        users=users,
        truncated=truncated,
        max_builds=50,
        on_too_many_builds="reject",
        max_build_bytes=1,
        on_build_too_big="partial",
    )


def test_what_users_have_is_shown(run, asked):
    asked.answers[ROUTE] = quotas(quota(), quota("team-blue", max_bytes=2048))

    ended = run("quota", "show")

    _, ann, team = ended.out.splitlines()
    assert ann.split() == ["ann", "3", "50", "1.5", "KB", "-", "0"]
    assert team.split()[-3:] == ["2.0", "KB", "0"]
    assert "--user" not in ended.err


def test_more_users_than_are_shown_are_told_of(run, asked):
    asked.answers[ROUTE] = quotas(quota(), truncated=True)

    assert "--user" in run("quota", "show").err
    assert json.loads(run("quota", "show", "--json").out)["truncated"] is True


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--builds", "200"), {"user": "ann", "builds": 200}),
        (("--bytes", "10GB"), {"user": "ann", "bytes": 10 << 30}),
        (
            ("--builds", "default", "--bytes", "default"),
            {"user": "ann", "builds": None, "bytes": None},
        ),
    ],
)
def test_a_quota_is_set(run, asked, words, body):
    asked.answers[ROUTE] = quota(max_builds=200)

    ended = run("quota", "set", "--user", "ann", *words)

    assert json.loads(asked.calls[0].body) == body
    assert ended.out == "ann has 3 of 200 builds and 1.5 KB of any size\n"


@pytest.mark.parametrize(
    "words", [(), ("--builds", "-1"), ("--builds", "many"), ("--bytes", "much")]
)
def test_what_is_no_quota_is_not_asked_for(run, asked, words):
    assert run("quota", "set", "--user", "ann", *words).code == 2
    assert asked.calls == []
