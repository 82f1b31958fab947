"""The lock that tells which daemon looks after what is kept."""

import pytest

from expokeep.catalog.connection import Database
from expokeep.catalog.maintaining import MaintenanceLock
from expokeep.errors import Busy


def test_of_two_daemons_one_is_at_it_until_it_is_done(catalog):
    lock = MaintenanceLock(catalog.database)
    other = MaintenanceLock(Database(catalog.database._dsn))

    with lock.held(), pytest.raises(Busy), other.held():
        pass

    with other.held():
        pass


def test_what_was_done_is_known_to_the_next(catalog):
    lock = MaintenanceLock(catalog.database)
    with lock.held() as ledger:
        assert ledger.age_s("sweep") is None
        ledger.done("sweep")
        ledger.done("sweep")

    with lock.held() as ledger:
        age_s = ledger.age_s("sweep")

    assert age_s is not None
    assert 0 <= age_s < 60
