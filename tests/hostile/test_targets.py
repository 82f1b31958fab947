"""Root restores another's session, and its place was taken: before, or meanwhile.

That is what `expokeep-restore@` does in a directory where anybody may make names.
"""

import os
import stat
from pathlib import Path

import pytest

from daemons import run, until
from neighbours import ALICE, MALLORY, as_caller, as_user, files_below, remove

HERS = {"App.js": b"hers", "src/a.js": b"a", ".env": b"KEY=hers"}
REFUSED = (0, 1, 3, 4)
"""Left alone because somebody uses it, or refused in words; never a traceback."""


def link(place: Path, vault: Path) -> None:
    place.symlink_to(vault)


def link_to_nothing(place: Path, vault: Path) -> None:
    place.symlink_to(vault / "new")


def link_to_itself(place: Path, _vault: Path) -> None:
    place.symlink_to(place.name)


def pipe(place: Path, _vault: Path) -> None:
    os.mkfifo(place)


def file(place: Path, _vault: Path) -> None:
    place.write_text("mallory")


def directory(place: Path, _vault: Path) -> None:
    place.mkdir()
    (place / "App.js").write_text("mallory")


def directory_with_modules(place: Path, _vault: Path) -> None:
    """What no snapshot has is handed on at a swap: but not to somebody else."""
    directory(place, _vault)
    (place / "node_modules/expo").mkdir(parents=True)
    (place / "node_modules/expo/index.js").write_text("evil")
    (place / ".git/hooks").mkdir(parents=True)


def empty_directory(place: Path, _vault: Path) -> None:
    place.mkdir()


def directory_of_links(place: Path, vault: Path) -> None:
    place.mkdir()
    for name in ("App.js", "src", ".env"):
        (place / name).symlink_to(vault)


SQUATS = [
    *(link, link_to_nothing, link_to_itself, pipe, file),
    *(directory, directory_with_modules, empty_directory, directory_of_links),
]
ASKED = (["--if-missing", "--if-exists", "--no-hooks"], [], ["--swap", "--yes"])


def lost(street):
    """Return a session of Alice's whose directory is gone, and its place."""
    sid, place = street.move_in(ALICE, HERS)
    remove(place)
    street.daemon.await_end(sid)
    return sid, place


def seen(top: Path) -> list[tuple]:
    """Return what is below a directory, with owners and modes."""
    return sorted(
        (str(path), look.st_uid, look.st_mode, look.st_ino, look.st_mtime_ns)
        for path in (top, *top.rglob("*"))
        for look in [path.lstat()]
    )


def restored(street, sid: str, place: Path, words) -> int:
    """Restore as root to where sessions are; nothing half-done may be left."""
    done = street.daemon.cli("restore", *words, "--to", place, "--", sid)
    assert done.returncode in REFUSED, done.stderr
    assert "Traceback" not in done.stderr
    left = [one.name for one in place.parent.iterdir() if "staging" in one.name]
    assert left == []
    return done.returncode


@pytest.mark.parametrize("act", SQUATS, ids=lambda act: act.__name__)
def test_a_place_that_somebody_has_taken_leads_nowhere(street, hidden, act):
    vault = hidden.vault()
    sid, place = lost(street)
    act(place, vault)
    run(["chown", "-hR", f"{MALLORY}:{MALLORY}", str(place)])
    before = seen(hidden.top)

    for words in ASKED:
        code = restored(street, sid, place, words)

        assert seen(hidden.top) == before
        # It is his as it was, or hers as a whole.
        look = place.lstat()
        assert look.st_uid in (MALLORY, ALICE)
        if look.st_uid == ALICE:
            assert code in (0, 4)  # 4: it is there already
            assert stat.S_ISDIR(look.st_mode)
            assert files_below(place) == HERS, words

    for one in place.parent.glob(f"*{place.name}*"):
        remove(one)
    street.daemon.ask("flush", "--all", "--wait")
    assert street.kept(sid) == HERS


def test_a_place_that_is_taken_again_and_again_leads_nowhere(street, hidden):
    vault = hidden.vault()
    canary = hidden.file(f"{vault.name}/secret", 0o644)
    sid, place = lost(street)
    before = seen(hidden.top)

    with street.attack("squat", place, canary) as attack:
        for _ in range(4):
            for words in ASKED[:2]:
                assert attack.goes_on
                restored(street, sid, place, words)
                if _is_directory(place):
                    _is_hers_or_his(place)
                    # She begins anew; he could not have taken it away from her.
                    remove(place)

    assert seen(hidden.top) == before
    remove(place)
    assert restored(street, sid, place, ASKED[0]) == 0
    assert files_below(place) == HERS
    tried = run([*as_user(MALLORY), "mv", str(place), f"{place}-away"])
    assert tried.returncode != 0


def test_a_place_that_a_stranger_has_taken_is_told(street, hidden):
    sid, place = lost(street)
    directory(place, hidden.top)
    run(["chown", "-R", f"{MALLORY}:{MALLORY}", str(place)])
    until(lambda: _is_seen(street, sid), "the daemon sees it")

    done = street.daemon.cli("restore", *ASKED[0], "--to", place, "--", sid)
    home = street.daemon.cli("restore", "--if-missing", sid)
    for_ann = ("--as", "ann", "restore", *ASKED[0], "--to", place, "--", sid)
    for_user = street.daemon.cli(*for_ann)

    assert (done.returncode, home.returncode, for_user.returncode) == (4, 4, 4)
    assert f"{place} is not of the user of session {sid}" in done.stderr
    run(["chown", "-R", f"{ALICE}:{ALICE}", str(place)])
    street.daemon.ask("flush", sid, "--wait")
    assert restored(street, sid, place, ASKED[0]) == 0
    remove(place)


def _is_seen(street, sid: str) -> bool:
    return bool(street.daemon.ask("status", sid)["sessions"])


def test_nothing_is_run_in_what_somebody_put_in_the_place_of_a_session(street, hidden):
    sid, place = lost(street)
    directory(place, hidden.top)
    (place / "run").write_text("#!/bin/sh\necho evil as $(id -u)\n")
    (place / "run").chmod(0o755)
    run(["chown", "-R", f"{MALLORY}:{MALLORY}", str(place)])

    words = ("exec", sid, "--to", place, "--", "./run")
    done = street.daemon.cli(*words, before=as_caller(ALICE))

    assert (done.returncode, done.stdout) == (4, "")
    assert f"of another user, uid {MALLORY}" in done.stderr
    run(["chown", "-R", f"{ALICE}:{ALICE}", str(place)])
    done = street.daemon.cli(*words, before=as_caller(ALICE))
    assert done.stdout == f"evil as {ALICE}\n"
    remove(place)


def _is_directory(place: Path) -> bool:
    try:
        return stat.S_ISDIR(place.lstat().st_mode)
    except FileNotFoundError:
        return False


def _is_hers_or_his(place: Path) -> None:
    try:
        uid = place.lstat().st_uid
    except FileNotFoundError:
        return  # it was his, and he took it away again
    if uid == ALICE:
        assert files_below(place) == HERS
    else:
        assert uid == MALLORY
