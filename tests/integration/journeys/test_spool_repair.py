"""What waits in the spool and is damaged there is mended, or moved aside whole."""

import os

import pytest

from expokeep.check.mending import Step
from expokeep.check.spooled import ASIDE, WHY_FILE, SpoolRepairer
from expokeep.pack.footer import FOOTER_BYTES, read_footer
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper, seen_in


@pytest.fixture
def host(catalog, tmp_path):
    """A host on which a snapshot waits: of small files, and of one that is big."""
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        home = here.home(SHOP)
        home.mkdir()
        (home / "package.json").write_text("{}")
        (home / "logo.png").write_bytes(os.urandom(200_000))
        (home / "film.mov").write_bytes(os.urandom(9 << 20))
        here.look().sealed.claim.release()
        yield here


def packs(host):
    (entry,) = host.spool.pending(SHOP)
    return [entry.path_of(pack) for pack in entry.note.packs]


def cut(path, size_bytes):
    path.write_bytes(path.read_bytes()[:size_bytes])


def flip(path, at):
    contents = bytearray(path.read_bytes())
    contents[at] ^= 0x10
    path.write_bytes(contents)


def repair(host, *, dry_run=False):
    repairer = SpoolRepairer(host.spool, host.store, lambda sid: [host.home(sid)])
    return [step for step in repairer.repair(dry_run=dry_run) if isinstance(step, Step)]


def comes_back(host, target):
    host.ship()
    host.restore(SHOP, target)
    return seen_in(target) == seen_in(host.home(SHOP))


def test_a_spool_that_is_whole_is_left_alone(host):
    assert repair(host) == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_pack_that_was_cut_is_made_anew(host, number, tmp_path):
    path = packs(host)[number]
    cut(path, path.stat().st_size - 1000)
    host.restart()
    assert len(host.spool.damaged) == 1
    assert [step.action for step in repair(host, dry_run=True)] == ["spool"]
    assert len(host.spool.damaged) == 1

    (step,) = repair(host)

    assert "made anew" in step.detail
    assert host.spool.damaged == []
    assert comes_back(host, tmp_path / "back")


def test_a_flipped_bit_is_found_before_it_is_shipped(host, tmp_path):
    path = packs(host)[0]
    contents = path.read_bytes()
    footer = read_footer(contents[-FOOTER_BYTES:])
    flip(path, footer.data_offset + footer.data_length // 2)

    (step,) = repair(host)

    assert step.action == "spool"
    assert repair(host) == []
    assert comes_back(host, tmp_path / "back")
    host.restart()
    assert (host.spool.damaged, host.spool.sessions()) == ([], [])


def test_a_pack_that_is_in_the_bucket_is_had_back(host, tmp_path):
    (entry,) = host.spool.pending(SHOP)
    own = entry.note.packs[0]
    host.store.put_file(own.key, entry.path_of(own), sha256=own.sha256)
    before = entry.path_of(own).read_bytes()
    cut(entry.path_of(own), 100)

    (step,) = repair(host)

    assert "had back from the bucket" in step.detail
    assert packs(host)[0].read_bytes() == before
    assert comes_back(host, tmp_path / "back")


@pytest.mark.parametrize("what", ["note", "manifest", "contents"])
def test_what_nothing_can_mend_is_moved_aside_whole(host, what):
    (entry,) = host.spool.pending(SHOP)
    own = packs(host)[0]
    if what == "note":
        (entry.directory / "entry.json").write_text("{")
    elif what == "manifest":
        cut(own, 50)
    else:
        cut(own, own.stat().st_size - 1000)
        (host.home(SHOP) / "logo.png").write_bytes(b"another")
    host.restart()
    files = {file.name for file in entry.directory.iterdir()}

    (step,) = repair(host)

    assert step.action == "aside"
    (aside,) = (host.top / "spool" / ASIDE).iterdir()
    assert {file.name for file in aside.iterdir()} == files | {WHY_FILE}
    host.restart()
    assert (host.spool.damaged, host.spool.sessions()) == ([], [])


def test_the_next_snapshot_does_without_the_one_that_went_aside(host, tmp_path):
    cut(packs(host)[0], 50)
    host.restart()
    repair(host)
    (host.home(SHOP) / "new.js").write_text("new")

    host.look()

    assert comes_back(host, tmp_path / "back")
