"""Large files: several at once, in the bucket before the version that names them."""

import os
import threading

import pytest

from expokeep.model.version import VersionRef
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper

BIG_BYTES = 8 * 1024 * 1024
TOGETHER = 4


class Meeting(MemoryStore):
    """A store whose first puts go on only once several are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[int] = []
        self._met = threading.Barrier(TOGETHER)

    def put_file(self, key, path, **more):
        if path.stat().st_size > BIG_BYTES // 2:
            self._met.wait(timeout=10)
        super().put_file(key, path, **more)
        self.order.append(path.stat().st_size)


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, Meeting(), tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def test_large_files_go_up_side_by_side_and_the_snapshots_own_pack_last(host, catalog):
    for number in range(TOGETHER):
        (host.home(SHOP) / f"{number}.mov").write_bytes(os.urandom(BIG_BYTES))
    told = []
    object.__setattr__(host.shipper, "progress", lambda *now: told.append(now[1:]))

    host.save()

    assert len(host.store.order) == TOGETHER + 1
    assert host.store.order[-1] == min(host.store.order)
    assert [done for done, _total in told] == sorted(done for done, _total in told)
    assert told[-1][0] == told[-1][1]
    assert catalog.resolve(VersionRef(SHOP)).file_count == TOGETHER
