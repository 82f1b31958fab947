"""Checks and drills that nobody asked for, on real servers, without a daemon."""

import contextlib
import os

import psycopg
import pytest
from structlog.testing import capture_logs

from expokeep import wiring
from expokeep.errors import Busy
from expokeep.service.proving_chores import Act, proving_chores
from expokeep.settings.load import load
from journeys import SHOP, keeper

SETTINGS = """\
check: {interval: 1h, read-data-subset: 50%}
drill: {interval: 2h, max-per-day: 3, max-bytes-per-day: 1MB}
"""


def never():
    return False


def always():
    return True


@pytest.fixture
def engine(prepare_site):
    """An engine that has kept four versions of a shop, each of 100 KB."""
    with prepare_site() as site, contextlib.ExitStack() as stack:
        config = site.top / "chores.yaml"
        config.write_text(SETTINGS)
        settings = load(
            path=config,
            environ=site.environment(),
            flags={"state-dir": site.top / "state"},
        ).settings
        engine = stack.enter_context(wiring.engine(settings, lambda *_: None))
        held = engine.backends
        host = stack.enter_context(keeper(held.catalog, held.store, site.top))
        host.home(SHOP).mkdir()
        for _ in range(4):
            (host.home(SHOP) / "data").write_bytes(os.urandom(100_000))
            host.save()
        yield engine, site


def proofs(site, kind):
    with psycopg.connect(site.database_url) as connection:
        return connection.execute(
            "SELECT is_well, body FROM expokeep.proof WHERE kind = %s ORDER BY id",
            (kind,),
        ).fetchall()


def lose(site, number):
    """Take one of the objects away; return its key."""
    with site.asking() as s3:
        page = s3.list_objects_v2(Bucket=site.bucket, Prefix="v1/main/shop/")
        key = sorted(found["Key"] for found in page["Contents"])[number]
        s3.delete_object(Bucket=site.bucket, Key=key)
    return key


def test_each_check_reads_other_packs_until_all_had_their_turn(engine):
    engine, site = engine

    for _ in range(2):
        Act(engine).check(never)

    (one, first), (two, second) = proofs(site, "check")
    assert one
    assert two
    # Half of the bytes is two of four packs, or three where they differ by a few.
    assert {first["read_packs"], second["read_packs"]} <= {2, 3}
    assert first["cursor"] != second["cursor"]


def test_damage_is_an_error_once_and_then_no_news(engine):
    engine, site = engine
    key = lose(site, 1)

    said = []
    for _ in range(2):
        with capture_logs() as logs:
            Act(engine).check(never)
        said.append([(one["log_level"], one["event"]) for one in logs])

    assert said[0] == [("error", "damage found")]
    assert said[1] == [("info", "the same damage found again")]
    assert proofs(site, "check")[-1][1]["damage"] == [["missing-object", key]]

    lose(site, 0)
    with capture_logs() as logs:
        Act(engine).check(never)
    assert [one["log_level"] for one in logs] == ["error"]


def test_a_check_that_was_cut_short_has_proved_nothing(engine):
    engine, site = engine

    with pytest.raises(Busy):
        Act(engine).check(always)

    assert proofs(site, "check") == []


def test_drills_end_when_the_budget_of_the_day_does(engine):
    engine, site = engine

    for _ in range(5):
        Act(engine).drill(never)

    found = proofs(site, "drill")
    assert [well for well, _ in found] == [True] * 3
    assert all(body["size_bytes"] == 100_000 for _, body in found)
    assert not list((engine.settings.state_dir / "drill").iterdir())


def test_what_failed_is_drilled_again(engine):
    engine, site = engine
    for _ in range(4):
        lose(site, 0)

    with capture_logs() as logs:
        Act(engine).drill(never)
        Act(engine).drill(never)

    (first, one), (second, other) = proofs(site, "drill")
    assert not first
    assert not second
    assert one["seq"] == other["seq"]
    assert {one["event"] for one in logs} == {"version does not restore"}


def test_they_come_as_often_as_is_set(engine):
    engine, _ = engine

    chores = {chore.name: chore.every_s for chore in proving_chores(engine)}

    assert chores == {"check": 3600.0, "drill": 7200.0}
