import hashlib

import pytest

from expokeep.errors import AccessDenied, BackendUnreachable
from expokeep.model.digest import Digest
from expokeep.store.memory import MemoryStore
from expokeep.store.retrying import Retrying, RetryPolicy

CONTENTS = b"some contents"
DIGEST = Digest(hashlib.sha256(CONTENTS).digest())


class Failing(MemoryStore):
    """Fails as it is told before it does anything."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self._errors = list(errors)

    def _fail(self) -> None:
        if self._errors:
            raise self._errors.pop(0)

    def put_file(self, key, path, *, sha256, progress=None):
        if self._errors and progress is not None:
            progress(7)
        self._fail()
        super().put_file(key, path, sha256=sha256, progress=progress)

    def get(self, key, start, length):
        self._fail()
        return super().get(key, start, length)

    def list(self, prefix):
        self._fail()
        yield from super().list(prefix)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.pack"
    path.write_bytes(CONTENTS)
    return path


class Waits:
    """Notes how long it should wait, and is told to stop at some point."""

    def __init__(self, stop_after: int = 100) -> None:
        self.delays_s: list[float] = []
        self._stop_after = stop_after

    def __call__(self, delay_s: float) -> bool:
        self.delays_s.append(delay_s)
        return len(self.delays_s) >= self._stop_after


def retrying(store, waits, attempts=4):
    policy = RetryPolicy(attempts, first_s=1.0, most_s=3.0)
    return Retrying(store, policy, wait=waits, chance=lambda: 1.0)


def test_a_failure_that_passes_is_not_seen(path):
    waits = Waits()
    store = Failing(BackendUnreachable("down"), BackendUnreachable("down"))

    retrying(store, waits).put_file("a", path, sha256=DIGEST)

    assert store.get("a", 0, 4) == b"some"
    assert waits.delays_s == [1.0, 2.0]


def test_delays_grow_to_a_limit_and_attempts_are_counted():
    waits = Waits()
    store = Failing(*[BackendUnreachable(f"down {number}") for number in range(9)])

    with pytest.raises(BackendUnreachable, match="down 4"):
        retrying(store, waits, attempts=5).get("a", 0, 1)

    assert waits.delays_s == [1.0, 2.0, 3.0, 3.0]


def test_a_failure_that_stays_is_passed_on_at_once():
    waits = Waits()

    with pytest.raises(AccessDenied):
        retrying(Failing(AccessDenied("no")), waits).get("a", 0, 1)

    assert waits.delays_s == []


def test_a_stop_ends_the_waiting():
    waits = Waits(stop_after=2)
    store = Failing(*[BackendUnreachable("down")] * 9)

    with pytest.raises(BackendUnreachable):
        retrying(store, waits, attempts=9).get("a", 0, 1)

    assert len(waits.delays_s) == 2


def test_progress_counts_a_byte_that_is_sent_twice_once(path):
    told: list[int] = []
    store = Failing(BackendUnreachable("cut"), BackendUnreachable("cut"))

    retrying(store, Waits()).put_file("a", path, sha256=DIGEST, progress=told.append)

    assert told == [7, len(CONTENTS) - 7]


def test_a_listing_is_asked_for_again_until_it_begins(path):
    store = Failing(BackendUnreachable("down"))
    MemoryStore.put_file(store, "a", path, sha256=DIGEST)

    assert [info.key for info in retrying(store, Waits()).list("")] == ["a"]


def test_a_listing_that_breaks_off_yields_nothing_twice(path):
    class Breaking(MemoryStore):
        def list(self, prefix):
            yield from super().list(prefix)
            raise BackendUnreachable("cut")

    store = Breaking()
    store.put_file("a", path, sha256=DIGEST)
    found = []

    with pytest.raises(BackendUnreachable):
        found.extend(retrying(store, Waits()).list(""))

    assert store.usage().requests["ListObjectsV2"] == 1


@pytest.mark.parametrize(("chance", "delay_s"), [(0.0, 4.0), (1.0, 8.0)])
def test_chance_spreads_the_upper_half_of_a_delay(chance, delay_s):
    assert RetryPolicy().delay_s(4, chance) == delay_s


def test_a_policy_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="no way to retry"):
        RetryPolicy(attempts=0)
