"""A restore gives back what only this host holds, with servers and without."""

import random
import shutil
from collections.abc import Callable

import pytest

from expokeep.errors import BackendUnreachable, NotFound, Parked
from expokeep.model.guard import Limits
from expokeep.model.version import Selector, VersionRef
from expokeep.restore.spooled import NotAllHere
from expokeep.store.memory import MemoryStore
from journeys import SHOP, keeper, seen_in


class Cut:
    """Stands before a server whose cable is pulled while `is_down`."""

    def __init__(self, server: object) -> None:
        self.server = server
        self.is_down = False

    def __getattr__(self, name: str) -> Callable[..., object]:
        real = getattr(self.server, name)

        def asked(*words: object, **more: object) -> object:
            if self.is_down:
                raise BackendUnreachable("the cable is pulled")
            return real(*words, **more)

        return asked


@pytest.fixture
def postgres(catalog):
    return Cut(catalog)


@pytest.fixture
def bucket():
    return Cut(MemoryStore())


@pytest.fixture
def host(postgres, bucket, tmp_path):
    with keeper(postgres, bucket, tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


def write(host, **files):
    for name, contents in files.items():
        (host.home(SHOP) / f"{name}.js").write_text(contents)


def project(host, mark="1"):
    (host.home(SHOP) / "package.json").write_text("{}")
    write(host, **{f"file{number}": f"{mark} {number}" for number in range(6)})


def give_back(host, name="back", version=SHOP):
    """Restore elsewhere; return what came and what was said of it."""
    result = host.restore(version, host.top / name)
    return seen_in(host.top / name), result.offer


def test_what_waits_is_part_of_what_is_restored(host):
    project(host)
    host.save()
    write(host, file0="edited", new="new")
    host.look()
    kept = seen_in(host.home(SHOP))

    found, offer = give_back(host)

    assert found == kept
    assert (offer.about.unrecorded, offer.version.seq) == (True, 0)
    recorded, plain = give_back(host, "recorded", f"{SHOP}@1")
    assert (recorded[b"file0.js"][1], plain.about.unrecorded) == (b"1 0", False)


def test_a_first_version_that_waits_is_restored_without_any_server(
    host, postgres, bucket
):
    project(host)
    host.look()  # the catalog knows the session, and that nothing is kept of it
    kept = seen_in(host.home(SHOP))
    postgres.is_down = bucket.is_down = True
    host.restart()

    found, offer = give_back(host)

    assert found == kept
    assert offer.about.unrecorded


def test_an_edited_project_is_restored_though_the_catalog_was_never_heard(
    host, postgres, bucket
):
    postgres.is_down = bucket.is_down = True
    project(host)
    host.look()
    with pytest.raises(NotAllHere, match="does not tell its newest version"):
        host.restore(SHOP, host.top / "too-early")
    write(host, file0="a person was here")
    host.look()
    kept = seen_in(host.home(SHOP))

    found, _ = give_back(host)

    assert found == kept


def test_a_directory_that_is_gone_is_restored_from_deltas_while_postgres_is_down(
    host, postgres, bucket
):
    project(host)
    host.save()
    postgres.is_down = bucket.is_down = True
    project(host, "2")
    (host.home(SHOP) / "package.json").write_text('{"name": "shop"}')
    host.look()
    kept = seen_in(host.home(SHOP))
    status = host.home(SHOP).stat()
    shutil.rmtree(host.home(SHOP))
    host.snapshotter.memories.forget(
        SHOP, status.st_dev, status.st_ino, is_needed=bool(host.spool.pending(SHOP))
    )
    host.restart()

    found, offer = give_back(host)

    assert found == kept
    assert offer.about.unrecorded


def test_what_is_not_here_is_said_and_nothing_is_made(host, postgres):
    project(host)
    host.save()
    postgres.is_down = True
    write(host, file0="edited")
    host.look()

    with pytest.raises(NotAllHere, match="part of the newest state") as refused:
        host.restore(SHOP, host.top / "back")

    assert refused.value.exit_code == 17
    assert not (host.top / "back").exists()


def test_with_the_bucket_down_what_waits_needs_nothing_from_it(host, bucket):
    project(host)
    host.save()
    bucket.is_down = True
    project(host, "2")
    (host.home(SHOP) / "package.json").write_text('{"name": "shop"}')
    host.look()

    found, _ = give_back(host)

    assert found == seen_in(host.home(SHOP))


def empty(host):
    for number in range(6):
        (host.home(SHOP) / f"file{number}.js").unlink()


def test_what_will_be_parked_is_not_given_back(host):
    project(host)
    host.save()
    empty(host)
    host.look(believes_deletions=True)
    write(host, more="work in what is left")
    host.look(believes_deletions=True)

    found, offer = give_back(host)

    assert (offer.version.seq, offer.about.unrecorded) == (1, False)
    assert b"file5.js" in found
    assert offer.about.parked_newer == 2


def test_a_forced_save_that_waits_is_given_back(host):
    project(host)
    host.save()
    empty(host)
    host.look(believes_deletions=True, is_forced=True)

    _, offer = give_back(host)

    assert (offer.about.unrecorded, offer.version.parked) == (True, None)


def test_a_blank_template_that_waits_does_not_hide_the_project(host):
    project(host)
    host.save()
    host.home(SHOP).rename(host.top / "old")
    host.home(SHOP).mkdir()
    project(host, "blank")
    host.look()

    found, offer = give_back(host)

    assert (found[b"file0.js"][1], offer.version.seq) == (b"1 0", 1)
    assert offer.about.parked_newer == 1


def test_of_two_directories_only_the_one_that_has_the_head_goes_on_unasked(host):
    project(host)
    host.save()
    host.home(SHOP).rename(host.top / "old")
    host.home(SHOP).mkdir()
    project(host, "other")
    host.look()
    write(host, file0="a person went on in the other one")
    host.look()
    host.home(SHOP).rename(host.top / "other")
    (host.top / "old").rename(host.home(SHOP))
    write(host, added="by a tool, in the first one")
    host.look()

    offered = host.source.offer(SHOP)
    host.ship()

    assert offered.about.parked_newer == 1
    assert offered.version.pack == host.catalog.resolve(VersionRef(SHOP)).pack


def test_a_small_old_version_over_a_large_head_is_no_shrink(host):
    write(host, file0="1")
    (host.home(SHOP) / "package.json").write_text("{}")
    host.save()
    project(host, "grown")
    host.save()
    host.home(SHOP).rename(host.top / "old")

    host.restore(f"{SHOP}@1")
    write(host, file0="on with the old one")
    version = host.save()

    assert (version.parent, version.parked, version.file_count) == (1, None, 2)
    assert host.catalog.resolve(VersionRef(SHOP)) == version


@pytest.mark.parametrize("is_down", [True, False])
def test_a_directory_made_of_what_waits_goes_on_from_there(host, postgres, is_down):
    project(host)
    host.look()
    host.home(SHOP).rename(host.top / "old")
    postgres.is_down = is_down

    host.restore(SHOP)
    host.restart()
    assert host.look().sealed is None  # nothing of it is new
    write(host, file0="edited after the restore")
    (host.home(SHOP) / "file5.js").unlink()
    host.look(believes_deletions=True)
    postgres.is_down = False
    first, second = [one.version for one in host.ship()]

    assert (first.parent, first.epoch, first.parked) == (None, 1, None)
    assert (second.parent, second.epoch, second.parked) == (1, 2, None)
    assert host.catalog.resolve(VersionRef(SHOP)) == second
    assert b"file5.js" not in host.catalog.tree(second)


def test_a_restored_directory_that_is_emptied_at_once_is_parked(host, postgres):
    project(host)
    host.look()
    host.home(SHOP).rename(host.top / "old")
    postgres.is_down = True
    host.restore(SHOP)
    empty(host)
    host.look(believes_deletions=True)
    postgres.is_down = False

    *_, last = [one.version for one in host.ship()]

    assert last.parked == "it lost 6 of 7 files"


def test_what_was_recorded_meanwhile_is_known_by_its_pack(host):
    project(host)
    host.look()
    before = host.source.offer(SHOP)
    host.ship()

    after = host.source.offer(f"{SHOP}@pack:{before.version.pack}")
    come = {digest for digest, _, _ in host.source.blobs(before, named(before))}

    assert (after.version.seq, after.tree) == (1, before.tree)
    assert come == named(before)


def named(offer):
    return {entry.digest for entry in offer.tree.values()}


@pytest.mark.parametrize("waits", [True, False])
def test_a_deleted_session_is_not_given_back(host, catalog, waits):
    project(host)
    host.save()
    if waits:
        write(host, file0="edited")
        host.look()
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute("UPDATE session SET deleted_at = now()")

    with pytest.raises(NotFound) as refused:
        host.source.offer(SHOP)

    assert "undelete" in refused.value.hint


def test_a_session_of_which_all_is_parked_says_so(host, catalog):
    project(host)
    host.save()
    with catalog.database.apart(answer_s=5) as connection:
        connection.execute("UPDATE version SET parked = 'a teardown'")

    with pytest.raises(Parked, match="all that is kept"):
        host.source.offer(SHOP)


class Story:
    """What the application and a person do, by chance."""

    def __init__(self, host, chance: random.Random) -> None:
        self.host, self.chance = host, chance
        self.count = 0

    def step(self) -> None:
        act = self.chance.choice(
            [self.edit, self.edit, self.empty, self.refill, self.anew, self.back]
        )
        act()
        found = self.host.look(believes_deletions=self.chance.random() < 0.7)
        if found.sealed is not None:
            found.sealed.claim.release()

    def edit(self) -> None:
        self.count += 1
        name = f"file{self.chance.randrange(8)}"
        write(self.host, **{name: f"edit {self.count}"})

    def empty(self) -> None:
        for file in [*self.host.home(SHOP).glob("file*.js")][:6]:
            file.unlink()

    def refill(self) -> None:
        project(self.host, "again")

    def anew(self) -> None:
        self.fragment()
        project(self.host, "blank")

    def back(self) -> None:
        """Go on in a directory that was put aside, with an edit or without one."""
        olds = sorted(self.host.top.glob("old-*"))
        if not olds:
            self.fragment()
            return
        self.aside()
        self.chance.choice(olds).rename(self.host.home(SHOP))
        if self.chance.random() < 0.7:
            (self.host.home(SHOP) / f"new{self.count}.js").write_text("")

    def aside(self) -> None:
        self.count += 1
        self.host.home(SHOP).rename(self.host.top / f"old-{self.count}")

    def fragment(self) -> None:
        self.aside()
        self.host.home(SHOP).mkdir()
        write(self.host, file0="a fragment")


@pytest.mark.parametrize("seed", range(6))
def test_what_is_given_back_is_what_becomes_head(host, seed):
    chance = random.Random(seed)
    story = Story(host, chance)
    project(host)
    for _ in range(12):
        for _ in range(chance.randrange(1, 5)):
            story.step()

        offered = host.source.offer(SHOP)
        shipped = host.ship()

        head = host.catalog.resolve(VersionRef(SHOP, Selector(is_good=True)))
        assert (offered.version.tree, offered.version.pack) == (head.tree, head.pack)
        told = [one.version for one in shipped if one.version.seq > head.seq]
        assert offered.about.parked_newer >= len(told)


def test_the_limits_of_the_guard_are_those_of_the_recorder(host):
    assert host.policy.guard == Limits()
