"""The disk of a session, for real: what is read, and what comes back."""

import contextlib
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from expokeep import clock
from expokeep.errors import IntegrityError, NotFound, TargetExists
from expokeep.model.digest import digest_of
from expokeep.model.ignore import rules
from expokeep.model.tree import Directory, File, Link
from expokeep.worktree import reading, system
from expokeep.worktree.checkout import (
    REPLACED_PREFIX,
    Owner,
    remove_abandoned,
    staging,
)
from expokeep.worktree.index import Index, Known, load, save
from expokeep.worktree.reading import KeptChanging, again, read
from expokeep.worktree.root import NotADirectory, open_file, opened, still_there
from expokeep.worktree.scan import MAX_DEPTH, Limits, Suspect, excluding, survey
from expokeep.worktree.system import exchange

LIMITS = Limits(max_file_bytes=1000)
NOTHING = excluding(rules([]))
TEXT = File(digest_of(b"text"), 4, 0o640, 1_000_000_000)


def found_in(root, known=None, excludes=NOTHING):
    return survey(root, excludes, known or {}, LIMITS)


def suspects(found):
    return {suspect.path for suspect in found.suspects}


def test_a_scan_tells_directories_links_and_files_to_read(tmp_path):
    (tmp_path / "sub").mkdir(mode=0o750)
    (tmp_path / "sub/file").write_text("x")
    (tmp_path / "link").symlink_to("nowhere")

    with opened(tmp_path) as root:
        found = found_in(root)

    assert found.entries == {b"sub": Directory(0o750), b"link": Link(b"nowhere")}
    assert suspects(found) == {b"sub/file"}


def test_a_file_that_looks_as_it_did_is_not_read_again(tmp_path):
    (tmp_path / "file").write_text("text")
    with opened(tmp_path) as root:
        (suspect,) = found_in(root).suspects
        known = Known(suspect.signature, b"", digest_of(b"text"))

        again_found = found_in(root, {b"file": known})

    assert not again_found.suspects
    assert again_found.entries[b"file"] == File(digest_of(b"text"), 4)


def test_a_file_rewritten_with_the_same_size_and_time_is_read_again(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    with opened(tmp_path) as root:
        (suspect,) = found_in(root).suspects
        known = Known(suspect.signature, b"", digest_of(b"text"))
        times = file.stat()
        file.write_text("TEXT")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

        assert suspects(found_in(root, {b"file": known})) == {b"file"}


def test_an_excluded_directory_is_counted_and_not_entered(tmp_path):
    (tmp_path / "node_modules/a").mkdir(parents=True)
    (tmp_path / "node_modules").chmod(0)
    with opened(tmp_path) as root:
        found = found_in(root, excludes=excluding(rules(["node_modules/"])))
    (tmp_path / "node_modules").chmod(0o755)

    assert found.entries == {}
    assert found.excluded_count == 1


def test_what_is_no_file_or_too_big_is_reported(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(bytes(1001))

    with opened(tmp_path) as root:
        found = found_in(root)

    assert found.skipped == {b"pipe": "not a file", b"big": "too big"}


def test_a_hard_link_to_a_file_of_another_user_is_left_out(tmp_path):
    os.chown(tmp_path, 1234, 1234)
    (tmp_path / "secret").write_text("root's")
    os.link(tmp_path / "secret", tmp_path / "other")

    with opened(tmp_path) as root:
        found = found_in(root)

    assert set(found.skipped.values()) == {"hard link to a file of another user"}
    assert not found.suspects


def test_a_directory_too_deep_is_reported_and_the_rest_is_taken(tmp_path):
    deep = tmp_path
    for _ in range(MAX_DEPTH + 2):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (tmp_path / "file").write_text("x")

    with opened(tmp_path) as root:
        found = found_in(root)

    assert list(found.skipped.values()) == ["too deep"]
    assert suspects(found) == {b"file"}


def test_names_are_bytes(tmp_path):
    name = b"\xff\x1b[2J\n" + b"n" * 200
    Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_text("x")

    with opened(tmp_path) as root:
        assert suspects(found_in(root)) == {name}


def test_a_link_in_the_place_of_a_session_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "expo-x").symlink_to("real")

    with pytest.raises(NotADirectory), opened(tmp_path / "expo-x"):
        pass
    with pytest.raises(NotFound), opened(tmp_path / "missing"):
        pass


def test_a_root_that_was_replaced_is_noticed(tmp_path):
    session = tmp_path / "expo-x"
    session.mkdir()
    with opened(session) as root:
        before = still_there(root, session)
        session.rename(tmp_path / "away")
        session.mkdir()

        assert before
        assert not still_there(root, session)


def test_no_part_of_a_path_is_followed_through_a_link(tmp_path):
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "up").symlink_to("..")

    with opened(inside) as root, pytest.raises(OSError, match=r"up|symbolic|directory"):
        open_file(root.descriptor, b"up/secret")


def suspect_at(path: bytes) -> Suspect:
    return Suspect(path, (4, 0, 0, 0), 0o644, 0)


def test_a_reading_names_the_contents_and_gives_them(tmp_path):
    (tmp_path / "file").write_text("text")
    with opened(tmp_path) as root:
        contents = read(
            root,
            suspect_at(b"file"),
            None,
            young_ns=clock.now_ns() + 10**12,
            hold_bytes=100,
        )
        large = read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=1)

    assert contents.entry == File(digest_of(b"text"), 4, contents.entry.mode)
    assert contents.data == b"text"
    assert contents.known.signature is not None
    assert large.entry == contents.entry
    assert large.data is None
    assert large.known.quick == contents.known.quick
    assert large.known.signature is None  # it counts as young


def test_a_file_that_changes_at_each_reading_is_given_up(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("0")
    whole = reading._whole

    def while_somebody_writes(descriptor: int, size_bytes: int) -> bytes:
        data = whole(descriptor, size_bytes)
        file.write_text("x" * (len(data) + 1))
        return data

    monkeypatch.setattr(reading, "_whole", while_somebody_writes)
    with opened(tmp_path) as root, pytest.raises(KeptChanging) as given_up:
        read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=100)

    assert given_up.value.path == b"file"


def test_a_file_that_changes_once_is_read_again_and_kept_whole(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("half")
    whole = reading._whole
    writes = iter(["the whole text"])

    def while_somebody_writes(descriptor: int, size_bytes: int) -> bytes:
        data = whole(descriptor, size_bytes)
        for text in writes:
            file.write_text(text)
        return data

    monkeypatch.setattr(reading, "_whole", while_somebody_writes)
    with opened(tmp_path) as root:
        contents = read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=100)

    assert contents.data == b"the whole text"


def test_a_large_file_that_outgrew_what_the_scan_saw_is_not_read(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    os.truncate(file, 1 << 40)

    with opened(tmp_path) as root, pytest.raises(KeptChanging):
        read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=100)


def test_a_large_file_that_grows_while_it_is_read_does_not_hold_its_reader(
    tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("text")
    taken = os.read

    def read_and_grow(descriptor: int, most: int) -> bytes:
        os.truncate(tmp_path / "file", 1 << 40)
        return taken(descriptor, most)

    monkeypatch.setattr(reading.os, "read", read_and_grow)
    with opened(tmp_path) as root, pytest.raises(KeptChanging):
        read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=1)


def test_half_a_file_is_not_kept_though_its_times_do_not_tell(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("text")
    monkeypatch.setattr(reading, "_whole", lambda *_: b"te")

    with opened(tmp_path) as root, pytest.raises(KeptChanging):
        read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=100)


def test_a_hard_link_made_after_the_scan_is_not_read(tmp_path):
    os.chown(tmp_path, 1234, 1234)
    (tmp_path / "secret").write_text("root's")
    os.link(tmp_path / "secret", tmp_path / "file")

    with opened(tmp_path) as root, pytest.raises(PermissionError):
        read(root, suspect_at(b"file"), None, young_ns=0, hold_bytes=100)


def test_a_second_reading_must_find_the_same_contents(tmp_path):
    (tmp_path / "file").write_text("text")
    with opened(tmp_path) as root:
        assert again(root, b"file", TEXT) == b"text"
        (tmp_path / "file").write_text("TEXT")
        with pytest.raises(KeptChanging):
            again(root, b"file", TEXT)


def test_an_index_survives_on_disk(tmp_path):
    index = Index(
        clock.uuid7(),
        {b"\xff": TEXT, b"d": Directory(0o700, 5), b"l": Link(b"\xfe", 6)},
        {b"\xff": Known((1, 2, 3, 4), b"q" * 16, TEXT.digest)},
    )

    save(tmp_path / "index", index)
    found = load(tmp_path / "index")

    assert found == index
    assert found.tree[b"\xff"].mtime_ns == TEXT.mtime_ns


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\x93\x02\x03", b"text"])
def test_a_damaged_index_is_none(tmp_path, damage):
    (tmp_path / "index").write_bytes(damage)

    assert load(tmp_path / "index") is None
    assert load(tmp_path / "missing") is None


ME = Owner(os.geteuid(), os.getegid())


def checked_out(target: Path, tree, contents, owner=ME, *, swap=False):
    with staging(target, tree, owner) as staged:
        staged.make_directories()
        for path, data in contents.items():
            staged.write(path, [data])
        staged.settle()
        name = os.fsencode(target.name)
        return staged.swap(name, [b"node_modules"]) if swap else staged.publish(name)


def test_a_checkout_has_modes_times_and_owner(tmp_path):
    tree = {
        b"d": Directory(0o500, 2_000_000_000),
        b"d/f": TEXT,
        b"l": Link(b"d/f", 3_000_000_000),
    }

    checked_out(tmp_path / "out", tree, {b"d/f": b"text"}, Owner(1234, 1235, 0o711))

    out = tmp_path / "out"
    file, link = (out / "d/f").stat(), (out / "l").lstat()
    assert (file.st_uid, file.st_gid, stat.S_IMODE(file.st_mode)) == (1234, 1235, 0o640)
    assert file.st_mtime_ns == TEXT.mtime_ns
    assert stat.S_IMODE((out / "d").stat().st_mode) == 0o500
    assert (out / "d").stat().st_mtime_ns == 2_000_000_000
    assert (link.st_uid, link.st_mtime_ns) == (1234, 3_000_000_000)
    assert stat.S_IMODE(out.stat().st_mode) == 0o711
    assert (out / "l").readlink() == Path("d/f")


def test_wrong_bytes_leave_nothing_behind(tmp_path):
    with pytest.raises(IntegrityError, match="other bytes"):
        checked_out(tmp_path / "out", {b"f": TEXT}, {b"f": b"TEXT"})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "tree",
    [
        {b"../x": TEXT},
        {b"/x": TEXT},
        {b"a/../../x": TEXT},
        {b"a\0b": TEXT},
        {b"": TEXT},
        {b"a/b": TEXT},  # its directory is not in the tree
        {b"a": Link(b"/etc"), b"a/passwd": TEXT},  # write through a link
        {b"a": TEXT, b"a/b": TEXT},
        {b"a": File(TEXT.digest, 4, 0o4755)},
        {b"a": Link(b"")},
        {b"/".join([b"d"] * depth): Directory() for depth in range(1, 300)},
    ],
)
def test_a_tree_that_would_leave_its_directory_is_refused_before_the_first_byte(
    tmp_path, tree
):
    with pytest.raises(IntegrityError), staging(tmp_path / "out", tree, ME):
        pytest.fail("it was let in")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_restore_left_is_removed_and_what_another_holds_is_not(tmp_path):
    abandoned, starting = (tmp_path / f".expokeep-staging-{name}" for name in "ab")
    (abandoned / "d").mkdir(parents=True)
    starting.mkdir()

    with staging(tmp_path / "one", {b"f": TEXT}, ME) as held:
        held.write(b"f", [b"text"])
        checked_out(tmp_path / "two", {b"f": TEXT}, {b"f": b"text"})
        held.settle()
        held.publish(b"one")

    assert set(tmp_path.iterdir()) == {tmp_path / "one", tmp_path / "two", starting}
    assert (tmp_path / "one/f").read_text() == "text"


def test_an_occupied_target_is_never_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")

    with pytest.raises(TargetExists):
        checked_out(tmp_path / "out", {b"f": TEXT}, {b"f": b"text"})

    assert (tmp_path / "out/mine").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_target_is_taken(tmp_path):
    (tmp_path / "out").mkdir()

    checked_out(tmp_path / "out", {b"f": TEXT}, {b"f": b"text"})

    assert (tmp_path / "out/f").read_text() == "text"


def test_a_swap_keeps_the_old_tree_and_hands_on_what_no_snapshot_has(tmp_path):
    (tmp_path / "out/node_modules/react").mkdir(parents=True)
    (tmp_path / "out/mine").write_text("mine")

    replaced = checked_out(tmp_path / "out", {b"f": TEXT}, {b"f": b"text"}, swap=True)

    old = tmp_path / os.fsdecode(replaced)
    assert (old / "mine").read_text() == "mine"
    assert (tmp_path / "out/f").read_text() == "text"
    assert (tmp_path / "out/node_modules/react").is_dir()


def test_a_swap_cut_off_in_the_middle_never_leaves_the_old_tree_as_rubbish(
    tmp_path, monkeypatch
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")

    def cut_off(*names):
        exchange(*names)
        raise KeyboardInterrupt

    monkeypatch.setattr(system, "exchange", cut_off)
    with pytest.raises(KeyboardInterrupt):
        checked_out(tmp_path / "out", {b"f": TEXT}, {b"f": b"text"}, swap=True)

    (old,) = (path for path in tmp_path.iterdir() if path.name != "out")
    assert old.name.startswith(os.fsdecode(REPLACED_PREFIX))
    assert (old / "mine").read_text() == "mine"
    assert (tmp_path / "out/f").read_text() == "text"


def test_a_swap_that_is_refused_leaves_everything_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(system, "exchange", refuse)
    with pytest.raises(PermissionError):
        checked_out(tmp_path / "out", {b"f": TEXT}, {b"f": b"text"}, swap=True)

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/mine").read_text() == "mine"


def test_a_mount_below_a_session_is_left_out(tmp_path):
    (tmp_path / "expo-x/mnt").mkdir(parents=True)
    mount = f"mount -t tmpfs none {tmp_path}/expo-x/mnt"
    script = f"{mount} && exec {sys.executable} -c '{_SCAN}'"
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        env={**os.environ, "ROOT": str(tmp_path / "expo-x")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stdout.strip() == '{b"mnt": "other mount"}'.replace('"', "'"), ran


_SCAN = """
import os
from pathlib import Path
from expokeep.worktree.root import opened
from expokeep.worktree.scan import Limits, survey
with opened(Path(os.environ["ROOT"])) as root:
    print(survey(root, lambda path, is_directory: False, {}, Limits(1000)).skipped)
"""


@pytest.mark.parametrize("left", range(1, 5))
def test_who_is_out_of_descriptors_has_not_seen_what_he_could_not_open(tmp_path, left):
    top = tmp_path / "top"
    (top / "one" / "two" / "three" / "four").mkdir(parents=True)

    with (
        opened(top) as root,
        only_descriptors(left),
        pytest.raises(OSError, match="Too many open files"),
    ):
        found_in(root)


@contextlib.contextmanager
def only_descriptors(count):
    """Let this process open only so many more files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_daemon_removes_what_a_killed_restore_left(tmp_path):
    (tmp_path / ".expokeep-staging-a" / "d").mkdir(parents=True)
    (tmp_path / "project").mkdir()

    remove_abandoned(tmp_path)

    assert list(tmp_path.iterdir()) == [tmp_path / "project"]
