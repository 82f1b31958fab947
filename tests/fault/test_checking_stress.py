"""A check beside sessions that are kept, forgotten, merged and swept accuses nobody."""

import contextlib
import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from expokeep import clock
from expokeep.catalog.checking import PostgresChecking
from expokeep.catalog.proofs import PostgresProofs
from expokeep.catalog.values import Host
from expokeep.check.run import Checker
from expokeep.check.values import Everything, Wish
from expokeep.store.s3 import S3Settings, S3Store, create_bucket

PROGRAM = Path(__file__).parents[1] / "forgetting_program.py"
SEED = os.environ.get("EXPOKEEP_SEED", "20261124")
ROLES = (("host", "one"), ("host", "two"), ("warden", "three"))


@contextlib.contextmanager
def at_work(catalog_url, bucket, top, duration_s):
    """Two hosts that keep and forget, and one that merges and sweeps, at once."""
    running = []
    for role, name in ROLES:
        wish = {
            "name": name,
            "seed": SEED,
            "top": str(top),
            "dsn": catalog_url,
            "s3": asdict(bucket),
            "duration_s": duration_s,
        }
        program = subprocess.Popen(
            [sys.executable, PROGRAM, role],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        program.stdin.write(json.dumps(wish))
        program.stdin.close()
        running.append(program)
    try:
        yield lambda: any(one.poll() is None for one in running)
    finally:
        for one in running:
            one.wait(60)  # how they fare is another test's to say


@pytest.fixture
def bucket(s3_server, bucket_name):
    settings = S3Settings(
        s3_server.endpoint_url,
        bucket_name,
        s3_server.access_key_id,
        s3_server.secret_access_key,
    )
    create_bucket(settings)
    return settings


@pytest.mark.parametrize(
    "duration_s", [4.0, pytest.param(60.0, marks=pytest.mark.long)]
)
def test_a_check_in_the_middle_of_everything_finds_nothing(
    catalog, catalog_url, bucket, tmp_path, duration_s
):
    host = Host(uuid.uuid4(), "checker")
    found, checks, versions = [], 0, 0
    with (
        contextlib.closing(S3Store(bucket)) as store,
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
        with at_work(catalog_url, bucket, tmp_path, duration_s) as is_going_on:
            while is_going_on():
                *_, outcome = checker.check(Wish(None, Everything()))
                found += outcome.damage
                checks, versions = checks + 1, max(versions, outcome.versions)
        *_, outcome = checker.check(Wish(None, Everything()))

    assert found == []
    assert outcome.damage == ()
    assert checks > 0
    assert versions > 5
