"""What a scan takes of a tree whose owner is hostile, swap by swap between two calls.

The test is root, as little as the daemon held up by any permission; the session is
another user's.
"""

import os
import socket
from pathlib import Path

import pytest

from expokeep.model.ignore import rules
from expokeep.snapshot.plan import Patience, decide
from expokeep.worktree import reading, scan
from expokeep.worktree.capture import look_at
from expokeep.worktree.own import open_own
from expokeep.worktree.reading import Contents, again, read
from expokeep.worktree.root import NotADirectory, opened, still_there
from expokeep.worktree.scan import WHOLE, Limits, excluding, survey

pytestmark = pytest.mark.usefixtures("as_root")

OWNER, OTHER = 1234, 4321
CANARY = b"the canary of another user"
LIMITS = Limits(max_file_bytes=1 << 20)
NOTHING = excluding(rules([]))
FOREIGN = "only another user may read it"
LINKED = "hard link to a file of another user"


@pytest.fixture
def session(tmp_path) -> Path:
    """A session with one file of its owner's, who did not make the directory above."""
    top = tmp_path / "expo-s"
    make(top / "App.js", b"App", OWNER)
    return top


@pytest.fixture
def secret(tmp_path) -> Path:
    """What only root may read."""
    return make(tmp_path / "secret", CANARY, 0, 0o600)


def make(path: Path, data: bytes, uid: int, mode: int = 0o644) -> Path:
    """Make a file, and the directories above it, of a user."""
    for above in reversed(path.parents):
        if not above.exists():
            above.mkdir()
            os.chown(above, uid, uid)
    path.write_bytes(data)
    path.chmod(mode)
    os.chown(path, uid, uid)
    return path


def looked(session: Path, act=lambda: None, known=None):
    """Scan, do something, and read what the scan found; return files and skipped."""
    with opened(session) as root:
        found = survey(root, NOTHING, known or {}, LIMITS)
        act()
        taken = {}
        for suspect in found.suspects:
            try:
                one = read(root, suspect, None, young_ns=0, hold_bytes=1 << 20)
            except OSError as error:
                found.skipped[suspect.path] = str(error)
                continue
            taken[suspect.path] = one.data
    return taken, found


def test_a_link_to_what_another_user_has_deleted_since_is_not_read(session, secret):
    os.link(secret, session / "mine")
    _, before = looked(session)
    secret.unlink()

    taken, found = looked(session)

    assert before.skipped == {b"mine": LINKED}
    assert found.skipped == {b"mine": FOREIGN}
    assert taken == {b"App.js": b"App"}


@pytest.mark.parametrize(
    ("gid", "mode", "is_kept"),
    [
        (OTHER, 0o644, True),
        (OTHER, 0o640, False),
        (OTHER, 0o604, True),
        (OWNER, 0o640, True),
        (OWNER, 0o604, False),  # a group that is told no is told no
        (OWNER, 0o200, False),
    ],
)
def test_what_another_user_owns_is_kept_if_the_owner_could_read_it(
    session, gid, mode, is_kept
):
    path = make(session / "theirs", CANARY, OTHER)
    os.chown(path, OTHER, gid)
    path.chmod(mode)

    taken, found = looked(session)

    assert (b"theirs" in taken) is is_kept
    assert found.skipped == ({} if is_kept else {b"theirs": FOREIGN})


def test_a_directory_that_only_another_user_may_enter_is_not_entered(session):
    make(session / "theirs/deep/public", CANARY, OTHER)
    (session / "theirs").chmod(0o700)

    taken, found = looked(session)

    assert taken == {b"App.js": b"App"}
    assert found.skipped == {b"theirs": FOREIGN}
    assert not found.entries.keys() - {b"App.js"}


def test_what_its_owner_has_locked_up_is_read_all_the_same(session):
    make(session / "locked/file", b"mine", OWNER, 0)
    (session / "locked").chmod(0)

    taken, found = looked(session)

    assert taken[b"locked/file"] == b"mine"
    assert not found.skipped


def swapped_file(act, session: Path, secret: Path) -> None:
    """Put something else in the place of a file."""
    (session / "App.js").unlink()
    act(session / "App.js", secret)


SWAPS = {
    "a symlink to a secret": lambda path, secret: path.symlink_to(secret),
    "a hard link to a secret": lambda path, secret: os.link(secret, path),
    "the secret itself": lambda path, secret: secret.rename(path),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a device": lambda path, _: os.mknod(path, 0o20666, os.makedev(1, 9)),
    "a directory": lambda path, _: path.mkdir(),
    "a socket": lambda path, _: socket.socket(socket.AF_UNIX).bind(os.fspath(path)),
    "nothing": lambda path, secret: None,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("act", SWAPS.values(), ids=SWAPS)
def test_a_file_swapped_between_the_look_and_the_opening_is_not_read(
    session, secret, act
):
    taken, _ = looked(session, lambda: swapped_file(act, session, secret))

    assert taken == {}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("act", SWAPS.values(), ids=SWAPS)
def test_a_file_swapped_between_two_readings_is_not_read(session, secret, act):
    with opened(session) as root:
        (suspect,) = survey(root, NOTHING, {}, LIMITS).suspects
        one = read(root, suspect, None, young_ns=0, hold_bytes=1 << 20)
        assert isinstance(one, Contents)
        swapped_file(act, session, secret)

        with pytest.raises(OSError, match=r"\[Errno|only another|hard link"):
            again(root, b"App.js", one.entry)


DIRECTORY_SWAPS = {
    "a symlink to a foreign directory": lambda path, vault: path.symlink_to(vault),
    "the foreign directory itself": lambda path, vault: vault.rename(path),
    "a file": lambda path, _: path.touch(),
    "nothing": lambda path, vault: None,
}


@pytest.mark.parametrize("act", DIRECTORY_SWAPS.values(), ids=DIRECTORY_SWAPS)
@pytest.mark.parametrize("when", ["before it is opened", "before its file is"])
def test_a_directory_swapped_on_the_way_down_is_not_followed(
    session, act, when, monkeypatch
):
    # In the session's own root: there its owner may rename it.
    make(session / "src/file", b"mine", OWNER)
    vault = session.parent / "vault"
    make(vault / "file", CANARY, 0)
    vault.chmod(0o700)

    def swap() -> None:
        (session / "src").rename(session.parent / "aside")
        act(session / "src", vault)

    def swap_and_open(name, flags, **options):
        if name == b"src":
            monkeypatch.setattr(scan.os, "open", before)
            swap()
        return before(name, flags, **options)

    before = os.open
    if when == "before it is opened":
        monkeypatch.setattr(scan.os, "open", swap_and_open)
        taken, _ = looked(session)
    else:
        taken, _ = looked(session, swap)

    assert taken == {b"App.js": b"App"}


def test_a_root_swapped_for_a_link_is_noticed_before_and_after(session, secret):
    vault = session.parent / "vault"
    make(vault / "App.js", CANARY, 0)

    def swap() -> None:
        session.rename(session.parent / "aside")
        session.symlink_to(vault)

    with opened(session) as root:
        swap()
        (suspect,) = survey(root, NOTHING, {}, LIMITS).suspects
        one = read(root, suspect, None, young_ns=0, hold_bytes=1 << 20)
        is_there = still_there(root, session)

    assert one.data == b"App"
    assert not is_there
    with pytest.raises(NotADirectory), opened(session):
        pass


def test_a_name_that_leads_up_is_no_name(session, secret):
    with opened(session) as root, pytest.raises(OSError, match="another user"):
        open_own(root, b"../secret")


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_what_is_opened_early_is_judged_like_what_a_scan_finds(session, secret, mode):
    secret.chmod(mode)
    os.link(secret, session / "theirs")
    with opened(session) as root, (session / "theirs").open() as theirs:
        linked = look_at(theirs.fileno(), root, root.mount)
        secret.unlink()
        left = look_at(theirs.fileno(), root, root.mount)

    assert linked is None
    assert (left is None) is (mode == 0o600)


def test_a_file_whose_times_are_forged_is_read_again_until_it_is_old(session):
    os.utime(session / "App.js", (1, 1))
    with opened(session) as root:
        (suspect,) = survey(root, NOTHING, {}, LIMITS).suspects
        just_now_ns = (session / "App.js").stat().st_ctime_ns
        one = read(root, suspect, None, young_ns=just_now_ns, hold_bytes=1 << 20)

    assert one.known.signature is None


def test_an_edit_that_restores_size_and_times_shows(session):
    file = session / "App.js"
    with opened(session) as root:
        (suspect,) = survey(root, NOTHING, {}, LIMITS).suspects
        one = read(root, suspect, None, young_ns=2**63, hold_bytes=1 << 20)
        before = file.stat()
        file.write_bytes(b"Bpp")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

        (found,) = survey(root, NOTHING, {b"App.js": one.known}, LIMITS).suspects

    assert found.signature[:2] == one.known.signature[:2]


def test_of_too_many_names_some_are_taken_and_the_rest_stay_as_they_were(
    session, monkeypatch
):
    for number in range(50):
        make(session / f"many/{number:02}", b"x", OWNER)
    make(session / "zoo/last", b"x", OWNER)
    monkeypatch.setattr(scan, "MAX_ENTRIES", 20)

    taken, found = looked(session)

    assert 10 < len(taken) <= 20
    assert b"App.js" in taken
    assert found.skipped == {b"many": "too many", WHOLE: "too many"}
    kept = dict.fromkeys([b"zoo/last", b"gone"], reading.File(b"d" * 32, 1))
    plan = decide(kept, {}, set(found.skipped), {}, Patience(0.0, 0.0))
    assert plan.tree == kept


def test_the_bytes_of_all_names_are_bounded_too(session, monkeypatch):
    for number in range(20):
        make(session / f"{number:0200}", b"x", OWNER)
    monkeypatch.setattr(scan, "MAX_NAMES_BYTES", 2000)

    taken, found = looked(session)

    assert 5 < len(taken) < 12
    assert found.skipped == {WHOLE: "too many"}


def test_reports_of_what_is_skipped_are_bounded_too(session, monkeypatch):
    for number in range(50):
        (session / f"pipes{number % 3}").mkdir(exist_ok=True)
        os.mkfifo(session / f"pipes{number % 3}/{number:02}")
    monkeypatch.setattr(scan, "MAX_SKIPPED", 10)

    taken, found = looked(session)

    assert len(found.skipped) <= 13
    assert found.skipped[b"pipes2"] == "too many"
    assert taken == {b"App.js": b"App"}


def test_a_name_that_cannot_be_looked_at_costs_nothing_but_itself(session, monkeypatch):
    make(session / "broken", b"x", OWNER)

    class Entry:
        def __init__(self, entry):
            self._entry = entry
            self.name = entry.name

        def stat(self, *, follow_symlinks):
            if self.name == "broken":
                raise OSError(107, "Transport endpoint is not connected")
            return self._entry.stat(follow_symlinks=follow_symlinks)

    class Listing:
        def __init__(self, descriptor):
            self._found = before(descriptor)

        def __enter__(self):
            return map(Entry, self._found)

        def __exit__(self, *_):
            self._found.close()

    before = os.scandir
    monkeypatch.setattr(scan.os, "scandir", Listing)

    taken, found = looked(session)

    assert taken == {b"App.js": b"App"}
    assert found.skipped == {b"broken": "unreadable"}
