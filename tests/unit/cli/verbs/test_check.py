import json
import uuid

import pytest

from expokeep.check.documents import (
    Checked,
    CheckProgress,
    FindingDocument,
    SessionVersions,
)
from expokeep.errors import AccessDenied

ROUTE = "/v1/check"
PROGRESS = CheckProgress(done_bytes=0, total_bytes=0, phase="listing")


def checked(**more):
    told = {
        "session": None,
        "read": None,
        "is_well": True,
        "sessions": 2,
        "versions": 5,
        "packs": 1,
        "objects": 1,
        "read_packs": 0,
        "read_bytes": 0,
        "damage": 0,
        "leftovers": 0,
        "affected": (),
        "took_s": 0.25,
    }
    return Checked(**{**told, **more})


def finding(**more):
    told = {
        "kind": "missing-object",
        "is_damage": True,
        "detail": "the object is not there",
        "key": "v1/main/shop/0000000002-0-x.tar.zst",
        "pack": uuid.UUID(int=1),
        "session": "shop",
        "affected": (SessionVersions(session="shop", seqs=(2, 3, 4, 9)),),
        "untold": (),
        "advice": "`expokeep repair catalog` mends it.",
    }
    return FindingDocument(**{**told, **more})


DAMAGED = checked(
    is_well=False,
    damage=1,
    affected=(SessionVersions(session="shop", seqs=(2, 3, 4, 9)),),
)


def test_a_check_that_finds_nothing_says_what_it_looked_at(run, asked):
    asked.answers[ROUTE] = [PROGRESS, checked()]

    ended = run("check")

    assert ended.code == 0
    assert ended.out == (
        "all is well: 2 sessions, 5 versions, 1 pack (none read), 0.2 s\n"
    )
    assert asked.body() == {"session": None, "read": None}


def test_damage_is_named_with_the_versions_and_what_to_do(run, asked):
    asked.answers[ROUTE] = [PROGRESS, finding(), DAMAGED]

    ended = run("check", "shop")

    assert ended.code == 15
    assert "missing-object  v1/main/shop/0000000002-0-x.tar.zst\n" in ended.out
    assert "cannot be restored whole: shop@2-4, shop@9\n" in ended.out
    assert "`expokeep repair catalog` mends it.\n" in ended.out
    assert "4 versions cannot be restored whole" in ended.err
    assert asked.body()["session"] == "shop"


def test_what_is_left_over_is_no_failure(run, asked):
    left = finding(kind="orphan-object", is_damage=False, affected=())
    asked.answers[ROUTE] = [left, checked(leftovers=1)]

    ended = run("check")

    assert ended.code == 0
    assert "orphan-object (harmless)" in ended.out
    assert "all is well, 1 left over" in ended.out


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (("--read-data",), "everything"),
        (("--read-data-subset", "1/20"), "1/20"),
        ((), None),
    ],
)
def test_it_asks_for_as_much_as_is_said(run, asked, words, read):
    asked.answers[ROUTE] = [checked()]

    assert run("check", *words).code == 0
    assert asked.body()["read"] == read


def test_every_line_is_a_document_on_request(run, asked):
    asked.answers[ROUTE] = [PROGRESS, finding(), DAMAGED]

    ended = run("check", "--json")

    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["message_type"] for line in lines] == [
        "progress",
        "finding",
        "checked",
    ]
    assert lines[1]["affected"] == [{"session": "shop", "seqs": [2, 3, 4, 9]}]
    assert ended.code == json.loads(ended.err)["exit_code"] == 15


@pytest.mark.parametrize(
    "words", [("shop", "--all"), ("--read-data", "--read-data-subset", "1%")]
)
def test_words_that_contradict_each_other_are_refused(run, asked, words):
    assert run("check", *words).code == 2


def test_a_check_that_breaks_off_is_no_success(run, asked):
    asked.answers[ROUTE] = [PROGRESS]

    assert run("check").code == 3


def test_who_may_not_is_told_so(run, asked):
    asked.answers[ROUTE] = AccessDenied("this is for operators")

    assert run("check").code == 12
