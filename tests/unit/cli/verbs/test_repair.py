import json
import sys

import pytest

from expokeep.check.documents import (
    CheckProgress,
    RepairOutcome,
    RepairStep,
    SessionVersions,
)

ROUTE = "/v1/repair"
PROGRESS = CheckProgress(done_bytes=0, total_bytes=0, phase="listing")
SHOP = (SessionVersions(session="shop", seqs=(2, 3)),)


def step(**more):
    told = {
        "action": "contents",
        "detail": "2 lost contents stored again, found in /tmp/expo-shop",
        "key": "v1/main/shop/0000000000-1-x.tar.zst",
        "session": "shop",
        "affected": SHOP,
    }
    return RepairStep(**{**told, **more})


def outcome(**more):
    told = {"what": "catalog", "dry_run": False, "steps": 1, "lost": ()}
    return RepairOutcome(**{**told, **more})


def test_what_is_mended_is_named(run, asked):
    asked.answers[ROUTE] = [PROGRESS, step(), outcome()]

    ended = run("repair", "catalog")

    assert ended.code == 0
    assert ended.out == (
        "contents  v1/main/shop/0000000000-1-x.tar.zst (shop@2-3)\n"
        "    2 lost contents stored again, found in /tmp/expo-shop\n"
        "1 thing done\n"
    )
    assert asked.body() == {"what": "catalog", "read": None, "dry_run": False}


def test_a_dry_run_asks_for_one(run, asked):
    asked.answers[ROUTE] = [step(), outcome(dry_run=True)]

    ended = run("repair", "manifests", "--dry-run", "--read-data")

    assert ended.code == 0
    assert asked.body() == {"what": "manifests", "read": "everything", "dry_run": True}
    assert "1 thing to do" in ended.out


def test_nothing_to_mend_is_said(run, asked):
    asked.answers[ROUTE] = [PROGRESS, outcome(steps=0)]

    assert run("repair", "catalog").out == "nothing to mend\n"


def test_what_nothing_can_mend_is_named(run, asked):
    park = step(action="park", detail="damaged: contents of it are lost", key=None)
    asked.answers[ROUTE] = [park, outcome(lost=SHOP)]

    ended = run("repair", "catalog")

    assert ended.code == 15
    assert "nothing can mend shop@2-3" in ended.err


def test_an_entry_that_went_aside_is_no_success(run, asked):
    aside = step(action="aside", key="/var/lib/expokeep/spool/shop/1", affected=())
    asked.answers[ROUTE] = [aside, outcome(what="spool")]

    ended = run("repair", "spool")

    assert ended.code == 15
    assert "1 entry moved aside" in ended.err


def test_it_is_documents_on_request(run, asked):
    asked.answers[ROUTE] = [PROGRESS, step(), outcome()]

    ended = run("repair", "catalog", "--json")

    kinds = [json.loads(line)["message_type"] for line in ended.out.splitlines()]
    assert kinds == ["progress", "step", "repaired"]


@pytest.mark.parametrize(("answer", "calls"), [("y\n", 2), ("n\n", 1)])
def test_on_a_terminal_it_shows_and_asks_first(run, asked, monkeypatch, answer, calls):
    asked.answers[ROUTE] = [step(), outcome()]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer.strip())

    ended = run("repair", "catalog")

    assert len(asked.calls) == calls
    assert ended.code == (0 if calls == 2 else 130)
    assert b'"dry_run":true' in asked.calls[0].body.replace(b" ", b"")


def test_only_three_things_can_be_repaired(run, asked):
    assert run("repair", "world").code == 2
