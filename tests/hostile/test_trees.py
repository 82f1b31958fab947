"""Trees that a hostile owner made: what is in them that is not his is never kept."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from daemons import until
from neighbours import MALLORY, PYTHON, as_user, await_skipped, give, remove

FOREIGN = "only another user may read it"
LINKED = "hard link to a file of another user"
TB = 1 << 40


def sparse(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(size_bytes)
    os.chown(path, MALLORY, MALLORY)


def special(top: Path) -> None:
    """Make what is no file, of which none may be opened."""
    os.mkfifo(top / "pipe")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(os.fspath(top / "socket"))
    bound.close()
    os.mknod(top / "disk", 0o60666, os.makedev(7, 200))
    os.mknod(top / "tape", 0o20666, os.makedev(9, 0))
    give(top, MALLORY)


def deep(top: Path, levels: int = 400) -> None:
    """Make a directory whose path no system call would take, with files on the way."""
    here = os.open(top, os.O_RDONLY)
    for level in range(levels):
        name = "deep" if level == 0 else "d" * 60
        os.mkdir(name, dir_fd=here)
        os.chown(name, MALLORY, MALLORY, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here))
        os.chown("file", MALLORY, MALLORY, dir_fd=here)
    os.close(here)


def test_of_a_tree_with_everything_hostile_in_it_the_rest_is_kept(street, hidden):
    shadow, gone = hidden.file(), hidden.file("gone")
    vault = hidden.vault()

    def hostile(top: Path) -> None:
        special(top)
        sparse(top / "sparse", 8 * TB)
        (top / "to-shadow").symlink_to(shadow)
        (top / "to-vault").symlink_to(vault)
        (top / "src/up").symlink_to("../../../../../../etc")
        (top / "loop").symlink_to("loop")
        os.link(shadow, top / "linked")
        os.link(gone, top / "src/last-link")
        gone.unlink()
        vault.rename(top / "theirs")
        (top / "locked").mkdir()
        (top / "locked/mine").write_bytes(b"mine")
        give(top / "locked", MALLORY)
        (top / "locked/mine").chmod(0)
        (top / "locked").chmod(0)

    files = {"App.js": b"App", "src/a.js": b"a", "src/b/c.js": b"c"}
    sid, place = street.move_in(MALLORY, files, hostile)

    skipped = street.save(sid)

    assert skipped == {
        "pipe": "not a file",
        "socket": "not a file",
        "disk": "not a file",
        "tape": "not a file",
        "sparse": "too big",
        "linked": LINKED,
        "src/last-link": FOREIGN,
        "theirs": FOREIGN,
    }
    await_skipped(street, sid, skipped)
    until(
        lambda: street.daemon.log.count("file left out") >= len(skipped),
        "the log says what is left out",
    )
    back = street.back(sid)
    assert (back / "to-shadow").readlink() == shadow
    assert (back / "src/up").readlink() == Path("../../../../../../etc")
    assert street.kept(sid) == {**files, "locked/mine": b"mine"}
    # A version of all that is left of it when it goes has no more in it.
    shutil.rmtree(place)
    street.daemon.await_end(sid)
    assert street.kept(sid) == {**files, "locked/mine": b"mine"}


def test_what_is_taken_early_of_a_session_that_never_settles_has_nothing_foreign(
    street, hidden
):
    # Removed before it settles: all that is kept is what was opened at its event.
    shadow, vault = hidden.file(), hidden.vault()
    sid, place = street.make(MALLORY, {"App.js": b"App"})
    street.daemon.await_versions(sid, 1)
    (place / "late.js").write_bytes(b"late")
    os.chown(place / "late.js", MALLORY, MALLORY)
    os.link(shadow, place / "linked")
    os.link(hidden.file("gone"), place / "last")
    (hidden.top / "gone").unlink()
    vault.rename(place / "theirs")
    (place / "theirs/vault-file").touch()
    (place / "to-shadow").symlink_to(shadow)
    os.mkfifo(place / "pipe")
    shutil.rmtree(place)

    street.daemon.await_end(sid)
    street.daemon.ask("flush", "--all", "--wait")

    assert street.kept(sid).keys() - {"late.js"} == {"App.js"}


def test_a_tree_deeper_than_any_path_is_kept_as_far_as_it_may_be(street, hidden):
    sid, place = street.move_in(MALLORY, {"App.js": b"App"}, deep)

    skipped = street.save(sid)

    assert set(skipped.values()) == {"too deep"}
    assert len(skipped) == 1
    kept = street.kept(sid)
    assert kept["App.js"] == b"App"
    assert "deep/" + "d" * 60 + "/file" in kept
    told = street.daemon.ask("status")
    assert any("too deep" in one for one in told["watch"]["degraded"])
    remove(place)
    street.daemon.await_end(sid)


def test_sparse_files_beyond_a_build_are_not_read(street, hidden):
    def many(top: Path) -> None:
        for number in range(100):
            sparse(top / f"{number}", 260 << 20)

    sid, place = street.move_in(MALLORY, {"App.js": b"App"}, many)

    skipped = street.save(sid)

    assert set(skipped.values()) == {"build too big"}
    assert len(skipped) == 99
    assert street.kept(sid)["App.js"] == b"App"
    shutil.rmtree(place)
    street.daemon.await_end(sid)


LEASE = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, lambda *_: None)  # told that somebody waits, it lets him
fds = [os.open(name, os.O_RDWR) for name in sys.argv[1:]]
for fd in fds:
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_write_lease_holds_nobody_up(street, hidden):
    sid, place = street.move_in(MALLORY, {"App.js": b"App", "leased.js": b"1"})
    holder = subprocess.Popen(
        [*as_user(MALLORY), PYTHON, "-c", LEASE, place / "leased.js"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        # Or whoever opens it waits until it is broken, 45 seconds by default.
        os.utime(place / "leased.js")
        (place / "App.js").write_bytes(b"App 2")

        skipped = street.save(sid)

        assert skipped == {"leased.js": "unreadable"}
        assert street.kept(sid) == {"App.js": b"App 2", "leased.js": b"1"}
        assert holder.poll() is None
    finally:
        holder.communicate("\n")
    street.save(sid)
    assert street.save(sid) == {}


def test_a_pipe_that_waits_for_a_reader_never_gets_one(street, hidden):
    sid, place = street.move_in(MALLORY, {"App.js": b"App"})
    os.mkfifo(place / "pipe")
    os.chown(place / "pipe", MALLORY, MALLORY)
    writer = subprocess.Popen(
        [*as_user(MALLORY), "sh", "-c", 'echo here > "$0"', place / "pipe"]
    )
    (place / "App.js").write_bytes(b"App 2")

    assert street.save(sid) == {"pipe": "not a file"}

    assert writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert street.kept(sid) == {"App.js": b"App 2"}


def test_a_locked_file_is_read_all_the_same(street, hidden):
    sid, place = street.move_in(MALLORY, {"App.js": b"App"})
    with (place / "App.js").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        fcntl.lockf(held, fcntl.LOCK_EX)
        held.write(b"new")
        held.flush()

        assert street.save(sid) == {}
        assert street.kept(sid) == {"App.js": b"new"}


IGNORES = {
    "a symlink to a secret": lambda path, shadow: path.symlink_to(shadow),
    "a hard link to a secret": lambda path, shadow: os.link(shadow, path),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a directory": lambda path, _: path.mkdir(),
    "huge": lambda path, _: path.write_bytes(b"*.tmp\n" * 10_000_000),
    "catastrophic": lambda path, _: path.write_bytes(
        b"\n".join([b"*a*a*a*a*a*a*a*a*a*a*a*a*b", b"**/a/**/b/**/c/**", b"[" * 999])
    ),
    "no text": lambda path, _: path.write_bytes(bytes(range(256)) * 999),
}


@pytest.mark.parametrize("act", IGNORES.values(), ids=IGNORES)
def test_an_ignore_file_can_be_anything(street, hidden, act):
    shadow = hidden.file()

    def hostile(top: Path) -> None:
        act(top / ".expokeepignore", shadow)

    files = {"App.js": b"App", "a" * 200: b"long", "src/x.js": b"x"}
    sid, _place = street.move_in(MALLORY, files, hostile)

    street.save(sid)

    kept = street.kept(sid)
    assert {name: kept[name] for name in files} == files
