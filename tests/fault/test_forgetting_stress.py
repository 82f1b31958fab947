"""Snapshots, restores, forgetting, merging and sweeping, all at once, without a grace.

Several processes on a real Postgres and a real S3 server. Afterwards every version that
is kept restores byte for byte, and catalog and bucket agree.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from consistency import Books
from expokeep.store.s3 import S3Settings, S3Store, create_bucket
from forgetting_program import fingerprint
from journeys import Keeper, seen_in
from retaining import Warden
from retelling import not_told

PROGRAM = Path(__file__).parents[1] / "forgetting_program.py"
SEED = os.environ.get("EXPOKEEP_SEED", "20261124")


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


@pytest.fixture
def at_once(bucket, catalog_url, tmp_path):
    """Runs programs side by side; returns what each has to say."""

    def run(duration_s: float, *, hosts: int, wardens: int) -> list[dict]:
        names = [("host", f"host-{n}") for n in range(hosts)]
        names += [("warden", f"warden-{n}") for n in range(wardens)]
        running = []
        for role, name in names:
            wish = {
                "name": name,
                "seed": SEED,
                "top": str(tmp_path),
                "dsn": catalog_url,
                "s3": asdict(bucket),
                "duration_s": duration_s,
            }
            one = subprocess.Popen(
                [sys.executable, PROGRAM, role],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            one.stdin.write(json.dumps(wish))
            one.stdin.close()
            running.append(one)
        told = [json.loads(one.stdout.read()) for one in running]
        for one in running:
            one.stdout.close()
            assert one.wait(60) == 0
        return told

    return run


def check_all(told, bucket, catalog, tmp_path):
    """Return what is wrong, and how many versions were restored."""
    wrong = [line for one in told for line in one["wrong"]]
    store, restored = S3Store(bucket), 0
    dsn = catalog.database._dsn
    with ThreadPoolExecutor(4) as pool:
        warden = Warden(catalog, store, tmp_path / "last", pool, fan=4)
        for _ in range(2):
            warden.collect()
        keeper = Keeper(catalog, store, tmp_path / "reader", pool)
        for one in told:
            for session, expected in one["kept"].items():
                for version in catalog.versions(session):
                    if catalog.session(session) is None:
                        warden.deletions.undelete(session)
                    target = tmp_path / "look"
                    keeper.restore(f"{session}@{version.seq}", target)
                    found = fingerprint(seen_in(target, times=False))
                    shutil.rmtree(target)
                    restored += 1
                    if expected.get(str(version.seq), found) != found:
                        wrong.append(f"{session}@{version.seq} is another tree")
    wrong += Books(catalog, dsn, store).differences()
    wrong += not_told(dsn, store)
    store.close()
    return wrong, restored


@pytest.mark.parametrize(
    "duration_s",
    [
        15.0,
        pytest.param(240.0, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
def test_nothing_that_is_kept_is_ever_lost_to_forgetting(
    at_once, bucket, catalog, tmp_path, duration_s
):
    told = at_once(duration_s, hosts=3, wardens=2)

    wrong, restored = check_all(told, bucket, catalog, tmp_path)

    assert wrong == []
    assert restored > 10
    did = {name for one in told for name in one["did"]}
    assert {"save", "late", "restore", "delete", "forget", "merge", "collect"} <= did
