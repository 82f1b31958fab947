"""What is kept of a directory that is gone, from what was taken while it stood."""

import contextlib
import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from expokeep import clock
from expokeep.catalog.values import RootIdentity
from expokeep.errors import BackendUnreachable
from expokeep.model.names import SessionId
from expokeep.model.version import VersionRef
from expokeep.snapshot.allowance import Allowance, Limits
from expokeep.snapshot.capturing import Capturing
from expokeep.snapshot.final import Finisher
from expokeep.snapshot.values import this_moment
from expokeep.spool.journal import Journals
from expokeep.store.memory import MemoryStore
from expokeep.watch.values import SessionDirectory
from expokeep.worktree.root import opened
from journeys import SHOP, Keeper, keeper, seen_in

COPIED = 1000
LIMITS = Limits(
    copy_bytes=COPIED,
    pinned=50,
    total_bytes=100_000_000,
    max_file_bytes=20_000_000,
    grace_s=60.0,
)


class Early:
    """A host that takes contents early, told of events by hand."""

    def __init__(self, host: Keeper, limits: Limits = LIMITS) -> None:
        self.host, self.limits = host, limits
        self.place = host.home(SHOP)
        self.begin()

    def begin(self) -> None:
        """Begin as a process does, on what the last one left."""
        journals = Journals(self.host.top / "spool", fsync=False)
        self.capturing = Capturing(journals, Allowance(self.limits))
        self.capturing.settle = self.work
        host = self.host
        host.snapshotter = replace(host.snapshotter, capturing=self.capturing)
        if self.place.exists():
            fd = os.open(self.place, os.O_RDONLY)
            status = os.fstat(fd)
            self.directory = SessionDirectory(
                SHOP, bytes(self.place), status.st_dev, status.st_ino, status.st_uid
            )
            self.capturing.begun(self.directory, fd)
            os.close(fd)

    def restart(self) -> None:
        """Be killed: nothing is closed in an orderly way but what is open."""
        self.work()
        self.capturing.close()
        self.host.restart()
        self.begin()

    def work(self) -> bool:
        while self.capturing._queue:
            self.capturing._act(self.capturing._queue.popleft())
        self.capturing.relieve()
        return True

    def event(self, name: str, *, closed: bool = True) -> None:
        """Hand a file over, as the reader does at an event of it."""
        fd = os.open(self.place / name, os.O_RDONLY | os.O_NOFOLLOW)
        self.capturing.opened(self.directory, name.encode(), fd, closed=closed)
        self.work()

    def write(self, name: str, contents: str | bytes) -> None:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        self.event(name)

    def move(self, old: str, new: str) -> None:
        (self.place / old).rename(self.place / new)
        self.capturing.moved(self.directory, old.encode(), new.encode())

    def remove(self) -> None:
        """Let the directory be gone, and the reader notice it."""
        shutil.rmtree(self.place)
        self.capturing.ended(self.directory)

    def final(self):
        """Seal what there is to seal of lives that are over; return what was sealed."""
        self.work()
        sealed, lives = [], self.capturing.lives
        finisher = Finisher(self.host.snapshotter, this_moment())
        for life in [*lives.take_over(SHOP), *lives.left()]:
            sealed.append(finisher.final(life, None))
            lives.bury(life)
        return [one for one in sealed if one is not None]

    def last(self):
        """Keep the last version, and return it with what a restore of it gives."""
        self.final()
        shipped = self.host.ship()
        target = self.host.top / f"back-{clock.uuid7()}"
        self.host.restore("shop", target)
        return shipped[-1].version, seen_in(target, times=False)


@pytest.fixture
def host(catalog, tmp_path):
    with keeper(catalog, MemoryStore(), tmp_path) as here:
        here.home(SHOP).mkdir()
        yield here


@pytest.fixture
def early(host):
    early = Early(host)
    early.write("package.json", "{}")
    early.write("src/a.js", "a")
    early.write("src/b.js", "b")
    host.save()
    yield early
    early.capturing.close()


@pytest.fixture
def hasty(early):
    """A host that believes deletions at once, without anybody having asked."""
    tools = early.host.snapshotter.tools
    policy = replace(tools.policy, deletion_grace_s=0.0)
    tools = replace(tools, policy=policy)
    early.host.snapshotter = replace(early.host.snapshotter, tools=tools)
    return early


def identity_of(place: Path) -> RootIdentity:
    with opened(place) as root:
        return RootIdentity(root.device, root.inode, root.birth_ns)


def parked(host: Keeper) -> dict[int, str | None]:
    return {one.seq: one.parked for one in host.catalog.versions(SHOP)}


def open_below(place: Path) -> int:
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if os.path.lexists(link)]
    return sum(target.startswith(str(place)) for target in targets)


def test_the_last_version_is_what_was_there_at_the_end(early):
    early.write("src/a.js", "edited")
    early.write("large.bin", os.urandom(10 * COPIED))
    early.write("huge.bin", os.urandom(9_000_000))
    early.write("deep/er/new.js", "new")
    early.move("src", "lib")
    early.write("lib/c.js", "c")
    (early.place / "link").symlink_to("lib")
    early.capturing.linked(early.directory, b"link", b"lib")
    before = seen_in(early.place, times=False)
    early.remove()

    version, back = early.last()

    assert (version.trigger, version.parked, version.parent) == ("final", None, 1)
    assert back == before
    assert not open_below(early.place)
    assert early.capturing.lives.left() == []


def test_where_nothing_differs_there_is_no_last_version(early):
    early.write("src/a.js", "a")
    early.remove()

    assert early.final() == []


def test_a_life_without_any_snapshot_has_a_last_version(host):
    early = Early(host)
    early.write("package.json", "{}")
    early.write("src/a.js", "a")
    before = seen_in(early.place, times=False)
    early.remove()

    version, back = early.last()

    assert (version.seq, version.trigger, back) == (1, "final", before)


def test_what_was_copied_outlives_a_kill_and_the_directory(early):
    early.write("src/a.js", "edited")
    early.move("src", "lib")
    early.write("new.js", "new")
    before = seen_in(early.place, times=False)
    shutil.rmtree(early.place)
    early.restart()

    version, back = early.last()

    assert (version.trigger, back) == ("final", before)
    assert early.final() == []


def test_a_kill_after_the_seal_makes_no_second_last_version(early):
    early.write("src/a.js", "edited")
    early.remove()
    (life,) = early.capturing.lives.take_over(SHOP)
    assert Finisher(early.host.snapshotter, this_moment()).final(life, None)
    early.host.ship()
    early.restart()

    assert len(early.capturing.lives.left()) == 1
    assert early.final() == []
    assert early.capturing.lives.left() == []


def test_half_a_file_is_never_taken_for_a_file(early):
    early.write("src/a.js", "whole")
    (early.place / "src" / "a.js").write_text("ha")
    (early.place / "begun.js").write_text("ha")
    early.event("begun.js", closed=False)
    large = os.urandom(3 * COPIED)
    early.write("large.bin", large)
    with (early.place / "large.bin").open("r+b") as file:
        file.truncate(COPIED + 1)
    early.remove()

    _, back = early.last()

    assert back[b"src/a.js"][1] == b"whole"
    assert b"begun.js" not in back
    assert b"large.bin" not in back


def test_a_file_without_a_name_is_taken_once_its_writer_has_closed_it(early):
    with (early.place / "fleeting.js").open("w") as file:
        early.event("fleeting.js", closed=False)
        file.write("whole")
        (early.place / "fleeting.js").unlink()
    early.capturing.closed(early.directory, b"fleeting.js")
    early.remove()

    _, back = early.last()

    assert back[b"fleeting.js"][1] == b"whole"


def test_it_needs_neither_bucket_nor_catalog(early, monkeypatch):
    early.write("src/a.js", "edited")
    before = seen_in(early.place, times=False)
    early.remove()

    class Away:
        def __getattr__(self, _):
            raise BackendUnreachable("away")

    tools = replace(early.host.snapshotter.tools, catalog=Away())
    snapshotter = early.host.snapshotter
    early.host.snapshotter = replace(snapshotter, tools=tools)
    (sealed,) = early.final()
    early.host.snapshotter = snapshotter

    version, back = early.last()
    assert sealed.entry.pack == version.pack
    assert back == before


def test_an_index_that_is_lost_makes_no_head_of_a_fragment(early):
    early.write("src/a.js", "edited")
    early.remove()
    shutil.rmtree(early.host.top / "index")
    early.host.restart()
    early.begin()

    class Away:
        def __getattr__(self, _):
            raise BackendUnreachable("away")

    snapshotter = early.host.snapshotter
    tools = replace(snapshotter.tools, catalog=Away())
    early.host.snapshotter = replace(snapshotter, tools=tools)
    (_,) = early.final()
    early.host.snapshotter = snapshotter
    (shipped,) = early.host.ship()

    assert shipped.version.parked == "it lost 2 of 3 files"
    assert early.host.catalog.resolve(VersionRef(SHOP)).seq == 1


def test_an_index_that_is_lost_is_asked_of_the_catalog(early):
    early.write("src/a.js", "edited")
    before = seen_in(early.place, times=False)
    early.remove()
    shutil.rmtree(early.host.top / "index")
    early.host.restart()
    early.begin()

    version, back = early.last()

    assert (version.parked, back) == (None, before)


def test_deletions_that_were_the_start_of_a_removal_are_undone(hasty):
    before = seen_in(hasty.place, times=False)
    (hasty.place / "src" / "a.js").unlink()
    hasty.host.look()
    hasty.write("src/b.js", "edited meanwhile")
    (hasty.place / "src" / "b.js").unlink()
    hasty.host.look()
    hasty.host.ship()
    hasty.remove()

    version, back = hasty.last()

    assert (version.seq, version.trigger) == (4, "final")
    assert back == {**before, b"src/b.js": ("-rw-r--r--", b"edited meanwhile")}
    torn = "recorded while the directory was being removed"
    assert parked(hasty.host) == {1: None, 2: torn, 3: torn, 4: None}
    assert hasty.host.catalog.resolve(VersionRef(SHOP)).seq == 4


def test_deletions_are_undone_after_a_kill_in_the_middle_of_a_removal(hasty):
    before = seen_in(hasty.place, times=False)
    (hasty.place / "src" / "a.js").unlink()
    hasty.host.look()
    shutil.rmtree(hasty.place)
    hasty.restart()

    _, back = hasty.last()

    assert back == before
    assert [*parked(hasty.host).values()].count(None) == 2


def test_what_a_person_deleted_and_saved_stays_deleted(early):
    (early.place / "src" / "a.js").unlink()
    early.host.save(trigger="save")
    early.write("src/b.js", "edited")
    early.remove()

    version, back = early.last()

    assert b"src/a.js" not in back
    assert parked(early.host) == {1: None, 2: None, version.seq: None}


def test_a_rename_is_no_deletion_to_undo(hasty):
    hasty.move("src/a.js", "src/z.js")
    hasty.host.look()
    hasty.write("src/b.js", "edited")
    hasty.remove()

    _, back = hasty.last()

    assert b"src/a.js" not in back
    assert not any(parked(hasty.host).values())


def test_what_was_gone_before_a_snapshot_could_see_it_is_kept_for_a_while(early):
    early.write("fleeting.js", "gone at once")
    early.write("large.bin", os.urandom(3 * COPIED))
    early.write("src/a.js", "edited, and gone at once")
    for name in ("fleeting.js", "large.bin", "src/a.js"):
        (early.place / name).unlink()
    early.host.look()
    early.write("src/b.js", "edited")
    early.host.look()
    early.remove()

    _, back = early.last()

    assert back[b"fleeting.js"][1] == b"gone at once"
    assert len(back[b"large.bin"][1]) == 3 * COPIED
    assert back[b"src/a.js"][1] == b"edited, and gone at once"
    assert back[b"src/b.js"][1] == b"edited"


def test_after_its_grace_or_a_save_it_is_gone(early):
    early.write("fleeting.js", "gone at once")
    (early.place / "fleeting.js").unlink()
    early.host.save(trigger="save")
    early.capturing.allowance.limits = replace(LIMITS, grace_s=0.0)
    early.write("other.js", "gone at once")
    (early.place / "other.js").unlink()
    early.host.look()
    early.write("src/a.js", "edited")
    early.remove()

    _, back = early.last()

    assert not {b"fleeting.js", b"other.js"} & back.keys()
    assert back[b"src/a.js"][1] == b"edited"


def test_a_snapshot_lets_go_of_what_it_has_seen(early):
    early.write("src/a.js", "edited")
    early.write("large.bin", os.urandom(3 * COPIED))
    assert open_below(early.place)

    early.host.look()

    assert not open_below(early.place)
    assert early.capturing.allowance.count().size_bytes == 0
    assert not list((early.host.top / "spool" / ".early").rglob("0*"))


def test_where_no_more_may_be_copied_files_are_held_open(host):
    early = Early(host, replace(LIMITS, total_bytes=2000))
    asked = []
    early.capturing.allowance.hasten = asked.append
    for number in range(6):
        early.write(f"{number}.js", os.urandom(COPIED - 100))
    before = seen_in(early.place, times=False)
    early.remove()

    _, back = early.last()

    assert back == before
    assert set(asked) == {early.directory}
    assert early.capturing.allowance.count().dropped == 0


def test_where_no_more_may_be_open_the_oldest_are_copied_or_told_of(host):
    early = Early(host, replace(LIMITS, pinned=3, total_bytes=25_000))
    for number in range(10):
        early.write(f"{number}.bin", os.urandom(10 * COPIED))
    assert open_below(early.place) == 3
    count = early.capturing.allowance.count()
    early.remove()

    _, back = early.last()

    assert count.dropped == 5
    assert sorted(back) == [b"0.bin", b"1.bin", b"7.bin", b"8.bin", b"9.bin"]


def test_what_a_snapshot_leaves_out_is_not_taken_either(host):
    early = Early(host, replace(LIMITS, max_file_bytes=5 * COPIED))
    foreign = host.top / "foreign.js"
    foreign.write_text("another user's")
    os.chown(foreign, 12345, 12345)
    os.link(foreign, early.place / "linked.js")
    os.mkfifo(early.place / "pipe")
    early.event("linked.js")
    early.capturing.opened(
        early.directory,
        b"pipe",
        os.open(early.place / "pipe", os.O_RDONLY | os.O_NONBLOCK),
        closed=True,
    )
    early.write("too big.bin", os.urandom(6 * COPIED))
    early.write("App.js", "ours")
    assert open_below(early.place) == 0
    early.remove()

    _, back = early.last()

    assert [*back] == [b"App.js"]


def test_a_directory_that_comes_back_had_no_end(early):
    early.write("src/a.js", "edited")
    early.capturing.ended(early.directory)
    fd = os.open(early.place, os.O_RDONLY)
    early.capturing.begun(early.directory, fd)
    os.close(fd)

    assert early.final() == []
    assert early.host.look().set_count == 1


def test_what_is_written_again_alike_is_copied_once(early):
    early.write("src/a.js", "edited" * 100)
    once = early.capturing.allowance.count()
    early.write("src/a.js", "edited" * 100)
    twice = early.capturing.allowance.count()

    assert (twice.captured, twice.size_bytes) == (once.captured + 1, once.size_bytes)


def test_what_a_restore_put_there_is_not_copied_again(early):
    early.host.restore("shop", existing="swap")
    early.begin()
    early.capturing.lives.expect_restored(SHOP, identity_of(early.place))
    taken = early.capturing.allowance.count().captured
    for name in ("src/a.js", "src/b.js"):
        fd = os.open(early.place / name, os.O_RDONLY)
        early.capturing.found(early.directory, name.encode(), fd)
    early.work()
    assert early.capturing.allowance.count().captured == taken
    assert not open_below(early.place)

    early.write("src/a.js", "edited")
    before = seen_in(early.place, times=False)
    early.remove()

    _, back = early.last()
    assert back == before


def test_what_is_closed_while_a_snapshot_looks_is_taken_even_if_it_is_the_same(early):
    early.write("src/a.js", "whole")
    taken = early.capturing.lives.of(SHOP, identity_of(early.place))
    turn = taken.rotate(None)
    # The snapshot may have seen the file while its writer had truncated it.
    early.write("src/a.js", "whole")
    taken.kept(turn, None, {b"package.json", b"src/a.js", b"src/b.js"}, {})
    early.remove()

    _, back = early.last()

    assert back[b"src/a.js"][1] == b"whole"


def test_what_is_written_over_and_over_is_held_open_and_not_copied_each_time(early):
    early.capturing.allowance.limits = replace(LIMITS, copy_bytes=5 << 20)
    for number in range(10):
        early.write("log.txt", bytes([number]) * (4 << 20))
    assert early.capturing.allowance.count().size_bytes < 30 << 20
    assert open_below(early.place) == 1
    early.remove()

    _, back = early.last()

    assert back[b"log.txt"][1] == bytes([9]) * (4 << 20)


def test_what_the_last_version_is_read_from_is_never_closed_meanwhile(
    early, monkeypatch
):
    large = os.urandom(10 * COPIED)
    early.write("large.bin", large)
    early.remove()
    (early.host.top / "other").write_bytes(b"another session's")
    opened_meanwhile = []

    def press(name: str) -> None:
        """Be short of descriptors, and have numbers used again."""
        if name == "before-final":
            early.capturing.allowance.limits = replace(LIMITS, pinned=0)
            early.work()
            other = early.host.top / "other"
            opened_meanwhile.extend(os.open(other, os.O_RDONLY) for _ in range(8))

    monkeypatch.setattr("expokeep.snapshot.final.point", press)
    try:
        _, back = early.last()
    finally:
        for fd in opened_meanwhile:
            os.close(fd)

    assert back[b"large.bin"][1] == large
    assert not open_below(early.place)
    assert early.capturing.allowance.pinned == 0


def test_what_is_open_of_a_directory_that_is_gone_is_not_given_up_on(early):
    large = os.urandom(10 * COPIED)
    early.write("large.bin", large)
    early.remove()
    tight = replace(LIMITS, pinned=0, total_bytes=0)
    early.capturing.allowance.limits = tight

    early.work()
    _, back = early.last()

    assert back[b"large.bin"][1] == large


def test_who_holds_most_open_is_the_first_to_let_go(early):
    early.write("large.bin", os.urandom(10 * COPIED))
    greedy = early.host.top / "expo-greedy"
    greedy.mkdir()
    status = greedy.stat()
    directory = SessionDirectory(
        SessionId("greedy"), bytes(greedy), status.st_dev, status.st_ino, status.st_uid
    )
    root = os.open(greedy, os.O_RDONLY)
    early.capturing.begun(directory, root)
    os.close(root)
    for number in range(5):
        name = f"{number}.bin"
        (greedy / name).write_bytes(os.urandom(10 * COPIED))
        fd = os.open(greedy / name, os.O_RDONLY)
        early.capturing.opened(directory, name.encode(), fd, closed=True)
    limits = replace(LIMITS, pinned=3, total_bytes=0)
    early.capturing.allowance.limits = limits

    early.work()

    held = {life.life.session: len(life.pins) for life in early.capturing.lives.all()}
    assert held == {SHOP: 1, "greedy": 2}


def test_a_file_is_let_go_of_when_its_journal_cannot_be_opened(early):
    early.write("src/a.js", "edited")
    early.restart()
    fd = os.open(early.place / "src" / "a.js", os.O_RDONLY)
    early.capturing.opened(early.directory, b"src/a.js", fd, closed=True)

    with no_descriptor_left():
        early.work()

    assert early.capturing.allowance.pinned == 0
    assert not open_below(early.place)


@contextlib.contextmanager
def no_descriptor_left():
    """Use up all descriptors of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open("/dev/null", os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken[0], 64), hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken:
            os.close(one)


def test_what_grows_while_the_last_version_is_made_does_not_hold_it_up(
    early, monkeypatch
):
    early.write("App.js", "1")
    early.write("grows", b"x" * (COPIED + 1))
    writer = (early.place / "grows").open("ab")
    pread = os.pread

    def growing(fd, length, offset):
        if length > COPIED:
            writer.write(b"x" * length)
            writer.flush()
        assert offset < 100_000_000, "it was read for ever"
        return pread(fd, length, offset)

    early.work()
    early.remove()
    monkeypatch.setattr("expokeep.snapshot.final.os.pread", growing)
    with writer:
        _, seen = early.last()

    assert b"App.js" in seen
    assert b"grows" not in seen


def test_the_last_version_is_no_larger_than_a_build_may_be(early):
    host = early.host
    host.policy = replace(host.policy, max_build_bytes=5 * COPIED)
    early.restart()
    early.write("App.js", "1")
    for number in range(2):
        early.write(f"big{number}", b"x" * (3 * COPIED))
    early.remove()

    _, seen = early.last()

    assert {b"App.js", b"big0"} <= set(seen)
    assert b"big1" not in seen


def test_of_one_session_only_so_much_waits_to_be_taken(early, monkeypatch):
    monkeypatch.setattr("expokeep.snapshot.capturing.MOST_WAITING", 10)
    for number in range(50):
        early.capturing.linked(early.directory, b"link%d" % number, b"to")
        early.capturing.moved(early.directory, b"src", b"src%d" % number)
        fd = os.open(early.place / "src/a.js", os.O_RDONLY)
        early.capturing.opened(early.directory, b"src/a.js", fd, closed=True)

    assert len(early.capturing._queue) == 10
    early.work()
    assert early.capturing.allowance.count().dropped == 140
    early.write("src/c.js", "c")
    assert early.capturing.allowance.pinned <= 1


def test_renames_take_no_more_room_than_copies_may(host):
    early = Early(host, replace(LIMITS, total_bytes=10_000))
    for _number in range(100):
        early.capturing.moved(early.directory, b"x" * 4000, b"y" * 4000)
        early.work()

    assert early.capturing.allowance.count().size_bytes < 20_000
    assert early.capturing.allowance.count().dropped > 90
