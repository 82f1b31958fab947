"""Snapshots, restores, forgetting, merging and sweeping, all at once, without a grace.

Several processes on a real Postgres and a real S3 server. Afterwards every version that
is kept restores byte for byte, and catalog and bucket agree.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from consistency import Books
from expokeep.store.s3 import S3Store
from forgetting_program import fingerprint, started
from journeys import Keeper, seen_in
from retaining import Warden
from retelling import not_told


@pytest.fixture
def at_once(s3_bucket, catalog_url, tmp_path):
    """Runs programs side by side; returns what each has to say."""

    def run(duration_s: float, *, hosts: int, wardens: int) -> list[dict]:
        names = [("host", f"host-{n}") for n in range(hosts)]
        names += [("warden", f"warden-{n}") for n in range(wardens)]
        running = [
            started(role, name, tmp_path, catalog_url, s3_bucket, duration_s=duration_s)
            for role, name in names
        ]
        return [one.told() for one in running]

    return run


def check_all(told, s3_bucket, catalog, tmp_path):
    """Return what is wrong, and how many versions were restored."""
    wrong = [line for one in told for line in one["wrong"]]
    store, restored = S3Store(s3_bucket), 0
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
    at_once, s3_bucket, catalog, tmp_path, duration_s
):
    told = at_once(duration_s, hosts=3, wardens=2)

    wrong, restored = check_all(told, s3_bucket, catalog, tmp_path)

    assert wrong == []
    assert restored > 10
    did = {name for one in told for name in one["did"]}
    assert {"save", "late", "restore", "delete", "forget", "merge", "collect"} <= did
