"""What users of the machine say to whoever looks at it, so that it looks wrong."""

import os
import subprocess
from pathlib import Path

import pytest

from expokeep.doctor import machine, secrets
from expokeep.doctor.sessions import sessions_tmp
from expokeep.doctor.values import Setup

MOUNTING = """\
mkdir "$1" && mount -t tmpfs none "$1" && echo up && exec sleep 300
"""


def setup_at(top: Path, pattern: str = "expo-*", state: Path | None = None) -> Setup:
    return Setup(
        watch=((top, pattern),),
        state_dir=state or top,
        group="root",
        flush_timeout_s=90.0,
        max_sessions=10,
    )


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\r", "\x1c", "\u0085", "\u2028"])
def test_a_mount_whose_name_ends_a_line_stops_nobody(tmp_path, end):
    session = tmp_path / "expo-a"
    session.mkdir()
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNTING]
    with subprocess.Popen(
        [*words, "sh", f"a{end}b"], cwd=session, stdout=subprocess.PIPE
    ) as theirs:
        try:
            assert theirs.stdout.readline() == b"up\n"

            (found,) = sessions_tmp(setup_at(tmp_path))
        finally:
            theirs.kill()

    assert found.state == "ok"


@pytest.mark.parametrize("pattern", ["expo-*\nf /etc/x", "expo-* - - - -", "expo-%i"])
def test_a_pattern_that_is_more_than_one_has_root_write_nothing(tmp_path, pattern):
    rules = tmp_path / "usr/lib/tmpfiles.d"
    rules.mkdir(parents=True)
    (rules / "tmp.conf").write_text("q /tmp 1777 root root 10d\n")

    (found,) = machine.tmpfiles(setup_at(Path("/tmp"), pattern), tmp_path)

    assert (found.state, found.fix) == ("error", None)


def test_a_state_directory_that_became_a_link_is_given_to_nobody(tmp_path, monkeypatch):
    state, foreign = tmp_path / "state", tmp_path / "foreign"
    foreign.mkdir()
    monkeypatch.setattr(secrets, "DAEMON", "daemon")
    (found,) = secrets.state_directory(setup_at(tmp_path, state=state))
    made = Path.mkdir

    def swapped(path: Path, *args, **more) -> None:
        made(path, *args, **more)
        path.rmdir()
        path.symlink_to(foreign)

    monkeypatch.setattr(Path, "mkdir", swapped)
    with pytest.raises(OSError, match="Not a directory"):
        found.fix.act()

    assert foreign.stat().st_uid == os.geteuid()
