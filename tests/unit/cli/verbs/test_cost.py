import datetime
import json

import pytest

from expokeep.accounting.documents import (
    AssumedCost,
    BillDocument,
    CostDocument,
    PricesDocument,
)

PRICES = PricesDocument(
    class_a_per_million=4.5,
    class_b_per_million=0.36,
    storage_gb_month=0.015,
    database_gb_month=0.25,
    free_tier=True,
    price_ratio=16.6667,
    saving_percent=94.0,
)


def bill(total, **more):
    told = {
        "gb_months": 12.5,
        "class_a": 1_234_567,
        "class_b": 10,
        "received_bytes": 1_500_000_000,
        "billed_gb_months": 3,
        "billed_class_a_millions": 1,
        "billed_class_b_millions": 0,
        "storage_usd": 0.045,
        "class_a_usd": 4.5,
        "class_b_usd": 0.0,
        "egress_usd": 0.0,
        "total_usd": total,
        "database_usd": 3.125,
    }
    return BillDocument(**{**told, **more})


def cost(**more):
    told = {
        "month": "2026-11",
        "prices": PRICES,
        "so_far": bill(4.545),
        "projected": bill(9.09),
        "monthly_budget": 0.0,
        "is_over_budget": False,
        "counted_since": datetime.date(2026, 10, 1),
    }
    return CostDocument(**{**told, **more})


def test_a_bill_has_two_columns(run, asked):
    asked.answers["/v1/cost"] = cost()

    ended = run("cost")

    rows = {line[:13].strip(): line[13:].split() for line in ended.out.splitlines()}
    assert rows["class A"] == ["$4.50", "$4.50"]
    assert rows["traffic"] == ["$0.00", "$0.00"]
    assert rows["to pay"] == ["$4.54", "$9.09"]
    assert rows["in a database"] == ["$3.12", "$3.12"]
    assert rows["downloaded"] == ["1.500", "GB", "1.500", "GB"]
    assert "94 %, or 16.7x" in ended.out
    assert ended.err == ""
    assert asked.query() == {}


def test_what_was_not_counted_and_what_is_too_much_is_said(run, asked):
    asked.answers["/v1/cost"] = cost(
        counted_since=datetime.date(2026, 11, 3),
        monthly_budget=5.0,
        is_over_budget=True,
    )

    err = run("cost", "--month", "2026-11").err

    assert "counted since 2026-11-03 only" in err
    assert "$9.09 are more than the budget of $5.00" in err
    assert asked.query() == {"month": ["2026-11"]}


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("builds=100,size=20MB", ["100", "20000000"]),
        ("builds=1,size=1.5gb", ["1", "1500000000"]),
        ("builds=0,size=0B", ["0", "0"]),
    ],
)
def test_an_assumption_is_sent_in_bytes(run, asked, words, sent):
    asked.answers["/v1/cost"] = AssumedCost(
        builds=100,
        size_bytes=20_000_000,
        gb=2.0,
        prices=PRICES,
        database_usd=0.5,
        storage_usd=0.03,
        billed_usd=0.0,
        notes=("a note",),
    )

    out = run("cost", "--assume", words).out

    assert [asked.query()[name] for name in ("builds", "size_bytes")] == [
        [one] for one in sent
    ]
    assert "100 builds of 20 MB: 2 GB" in out
    assert "database  $0.50 a month" in out
    assert "R2 saves  94 %, or 16.7x" in out
    assert out.splitlines()[-1] == "a note"
    told = json.loads(run("cost", "--assume", words, "--json").out)
    assert told["storage_usd"] == 0.03


@pytest.mark.parametrize(
    "words",
    [
        ["--assume", "100"],
        ["--assume", "builds=1"],
        ["--assume", "builds=1,size=1XB"],
        ["--assume", "builds=1,size=1MB", "--month", "2026-11"],
    ],
)
def test_words_that_mean_nothing_are_refused(run, asked, words):
    assert run("cost", *words).code == 2
    assert not asked.calls


def test_the_document_is_the_daemons(run, asked):
    asked.answers["/v1/cost"] = cost()

    assert json.loads(run("cost", "--json").out)["message_type"] == "cost"
