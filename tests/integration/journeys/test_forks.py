"""Versions that are made of what is kept: nothing is uploaded but a list of files."""

import dataclasses

import pytest

from expokeep import clock
from expokeep.catalog.values import Held, Host
from expokeep.errors import IntegrityError, NotFound
from expokeep.fork.run import Forker, Site
from expokeep.fork.values import SessionExists, Wish
from expokeep.model.names import SessionId
from expokeep.model.version import Origin, Selector, VersionRef
from expokeep.pack.format import BIG_FILE_BYTES
from expokeep.snapshot.ship import Withdrawn
from expokeep.store.memory import MemoryStore
from journeys import POLICY, SHOP, keeper, seen_in

COPY = SessionId("copy")


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def host(catalog, store, tmp_path):
    with keeper(catalog, store, tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def write(host, name, text="text", session=SHOP):
    path = host.home(session) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def forker(host, record=None):
    """What makes versions on a host, recording them at once."""
    return Forker(
        host.catalog,
        host.spool,
        host.host,
        Site(POLICY.scope, POLICY.key_prefix, 3, fsync=False),
        record or (lambda entry: host.shipper.ship(entry).version),
        clock.now,
    )


def project(host):
    """Keep a project with all kinds of entries, and a file of its own pack."""
    write(host, "package.json", "{}")
    write(host, "src/App.js", "one")
    write(host, "assets/big.bin", "x" * (BIG_FILE_BYTES + 1))
    (host.home(SHOP) / "link").symlink_to("src/App.js")
    (host.home(SHOP) / "empty").mkdir()
    return host.save()


def version_of(host, session=SHOP, seq=None):
    return host.catalog.resolve(VersionRef(session, Selector(seq=seq)))


def forked(host, **wish):
    meant = {"session": COPY, "trigger": "fork", "origin": Origin(SHOP, 1), **wish}
    return forker(host).fork(Wish(**meant))


def test_a_fork_restores_byte_for_byte_and_uploads_no_contents(host, store, tmp_path):
    project(host)
    before = store.usage()
    made = forked(host, owner="u2", author="u2", message="a look")
    after = store.usage()

    assert (made.seq, made.parent, made.trigger) == (1, None, "fork")
    assert (made.parked, made.origin, made.author) == (None, Origin(SHOP, 1), "u2")
    assert after.requests["PutObject"] - before.requests["PutObject"] == 1
    host.restore("copy", tmp_path / "there")
    assert seen_in(tmp_path / "there") == seen_in(host.home(SHOP))
