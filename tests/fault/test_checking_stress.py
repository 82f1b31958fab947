"""A check beside sessions that are kept, forgotten, merged and swept accuses nobody."""

import contextlib
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from expokeep import clock
from expokeep.catalog.checking import PostgresChecking
from expokeep.catalog.proofs import PostgresProofs
from expokeep.catalog.values import Host
from expokeep.check.run import Checker
from expokeep.check.values import Everything, Wish
from expokeep.store.s3 import S3Store
from forgetting_program import started

ROLES = (("host", "one"), ("host", "two"), ("warden", "three"))


@contextlib.contextmanager
def at_work(catalog_url, s3_bucket, top, duration_s):
    """Two hosts that keep and forget, and one that merges and sweeps, at once."""
    running = [
        started(role, name, top, catalog_url, s3_bucket, duration_s=duration_s)
        for role, name in ROLES
    ]
    yield lambda: any(one.is_at_it for one in running)
    assert [one.told()["wrong"] for one in running] == [[]] * len(running)


@pytest.mark.parametrize(
    "duration_s", [4.0, pytest.param(60.0, marks=pytest.mark.long)]
)
def test_a_check_in_the_middle_of_everything_finds_nothing(
    catalog, catalog_url, s3_bucket, tmp_path, duration_s
):
    host = Host(uuid.uuid4(), "checker")
    found, checks, versions = [], 0, 0
    with (
        contextlib.closing(S3Store(s3_bucket)) as store,
        ThreadPoolExecutor(4) as readers,
    ):
        checker = Checker(
            PostgresChecking(catalog.database),
            PostgresProofs(catalog.database, host),
            store,
            readers,
            "v1/main/",
            clock.now,
        )
        with at_work(catalog_url, s3_bucket, tmp_path, duration_s) as is_going_on:
            while is_going_on():
                *_, outcome = checker.check(Wish(None, Everything()))
                found += outcome.damage
                checks, versions = checks + 1, max(versions, outcome.versions)
        *_, outcome = checker.check(Wish(None, Everything()))

    assert found == []
    assert outcome.damage == ()
    assert checks > 0
    assert versions > 5
