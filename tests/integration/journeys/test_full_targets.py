"""A restore whose disk fills up while it writes: nothing of it is left behind."""

import os

import pytest

from disks import MIB, filled, small_disk, without_inodes
from expokeep.errors import NoSpace
from expokeep.restore.run import Wish, restore
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper, seen_in


class Filling:
    """A source that lets others take the disk once contents begin to come."""

    def __init__(self, source, take) -> None:
        self._source, self._take = source, take

    def __getattr__(self, name):
        return getattr(self._source, name)

    def blobs(self, offer, digests):
        coming = self._source.blobs(offer, digests)
        yield next(coming)
        with self._take():
            yield from coming


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("take", [filled, without_inodes])
def test_a_disk_that_fills_up_meanwhile_keeps_nothing_of_a_restore(
    catalog, tmp_path, take
):
    with (
        keeper(catalog, MemoryStore(), tmp_path) as here,
        small_disk(tmp_path / "disk", size=80 * MIB, inodes=40) as disk,
    ):
        for number in range(8):
            file = here.home(SHOP) / f"{number}" / "file.bin"
            file.parent.mkdir(parents=True)
            file.write_bytes(os.urandom(MIB))
        here.save()
        source = Filling(here.source, lambda: take(disk))

        with pytest.raises(NoSpace):
            restore(source, Wish(SHOP, disk / "back"))

        assert sorted(disk.iterdir()) == []
        here.restore(SHOP, disk / "back")
        assert seen_in(disk / "back") == seen_in(here.home(SHOP))
