import errno
import os
import shutil
from pathlib import Path

import pytest

from expokeep.restore.cache import RangeCache


def test_what_was_put_comes_back(tmp_path):
    cache = RangeCache(tmp_path / "cache", 1000)

    cache.put("key", 5, b"data")

    assert cache.get("key", 5, 4) == b"data"
    assert cache.get("key", 5, 3) is None
    assert cache.get("other", 5, 4) is None


def test_what_a_restore_used_up_is_dropped(tmp_path):
    cache = RangeCache(tmp_path, 1000)
    cache.put("key", 0, b"data")

    cache.drop([("key", 0, 4), ("never", 0, 1)])

    assert cache.get("key", 0, 4) is None


def test_the_oldest_goes_first_when_it_grows_too_large(tmp_path):
    cache = RangeCache(tmp_path, 8)
    for number in range(4):
        cache.put("key", number, b"data")
        file = next(path for path in tmp_path.iterdir() if f"-{number}-" in path.name)
        os.utime(file, (number, number))

    cache.trim()

    kept = [number for number in range(4) if cache.get("key", number, 4)]
    assert kept == [2, 3]


def test_a_directory_that_cannot_be_written_is_no_cache_and_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = RangeCache(tmp_path / "file", 1000)

    cache.put("key", 0, b"data")
    cache.trim()

    assert cache.get("key", 0, 4) is None


def test_nothing_is_kept_of_the_reserve(tmp_path):
    free_bytes = shutil.disk_usage(tmp_path).free
    cache = RangeCache(tmp_path / "cache", 1 << 40, min_free_bytes=2 * free_bytes)

    cache.put("key", 0, b"data")

    assert cache.get("key", 0, 4) is None


def test_an_emptied_cache_takes_nothing(tmp_path):
    cache = RangeCache(tmp_path, 1000)
    cache.put("key", 0, b"data")

    cache.empty()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.EMFILE])
def test_a_cache_that_cannot_be_changed_fails_nobody(tmp_path, monkeypatch, number):
    cache = RangeCache(tmp_path, 1000)
    cache.put("key", 0, b"data")

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    for name in ("unlink", "replace", "write_bytes", "mkdir", "iterdir"):
        monkeypatch.setattr(Path, name, refuse)
    cache.put("key", 4, b"more")
    cache.drop([("key", 0, 4)])
    cache.trim()
    cache.empty()
    assert cache.get("key", 0, 4) == b"data"
