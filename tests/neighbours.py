"""Local users that mean harm, and whether anything of others got into the bucket.

The daemon of these tests is an ordinary user that may read everything, like the real
one. Its neighbours are other users, without any right at all.
"""

import json
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from daemons import WAIT_S, Daemon, Site, run, until

MALLORY, ALICE = 4001, 4002
"""Who attacks, and whose work must not suffer."""
PYTHON = "/usr/bin/python3"
"""That of the machine: a virtual environment of root's is out of their reach."""
PROGRAM = Path(__file__).with_name("attacking_program.py")


def as_user(uid: int) -> tuple[str, ...]:
    """Return the words before a command that make it a user's without any right."""
    return (
        *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
        *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"),
    )


def as_caller(uid: int) -> tuple[str, ...]:
    """Return the words that make `expokeep` a user's, wherever it is installed.

    Its files may be in root's own home; so it reads past that, as the daemon does.
    Whoever answers on the socket goes by the uid.
    """
    return (
        *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
        *("--no-new-privs", "--inh-caps=-all,+dac_read_search"),
        "--ambient-caps=-all,+dac_read_search",
    )


def give(top: Path, uid: int) -> None:
    """Give a tree to a user, links and not what they lead to."""
    for where, directories, files in os.walk(top, followlinks=False):
        for name in (*directories, *files):
            os.chown(Path(where, name), uid, uid, follow_symlinks=False)
    os.chown(top, uid, uid, follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Directories and files that only root may read, outside of all sessions."""

    top: Path
    canary: bytes

    def file(self, name: str = "shadow", mode: int = 0o600) -> Path:
        """Make one more file with the canary."""
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"root:" + self.canary + b"\n")
        path.chmod(mode)
        return path

    def vault(self, name: str = "vault") -> Path:
        """Make a directory that only root may enter, with a file for everybody."""
        self.file(f"{name}/{name}-file", 0o644)
        (self.top / name).chmod(0o700)
        return self.top / name


@dataclass(frozen=True, slots=True)
class Street:
    """A daemon, and who lives beside what it keeps."""

    site: Site
    daemon: Daemon
    canary: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())

    @contextmanager
    def secrets(self) -> Iterator[Secrets]:
        """Give a directory for secrets."""
        # On the file system of the sessions, so that there can be hard links.
        top = self.site.top / f"secret-{secrets.token_hex(4)}"
        top.mkdir(mode=0o755)
        yield Secrets(top, self.canary)
        shutil.rmtree(top)

    def move_in(
        self, uid: int, files: Mapping[str, bytes], *more: Callable[[Path], None]
    ) -> tuple[str, Path]:
        """Make a session of a user in one step, and wait for its first version."""
        sid, place = self.make(uid, files, *more)
        self.daemon.await_versions(sid, 1)
        return sid, place

    def make(
        self, uid: int, files: Mapping[str, bytes], *more: Callable[[Path], None]
    ) -> tuple[str, Path]:
        """Make a session of a user in one step; root does `more` to it before."""
        sid, place = self.site.session("wild")
        elsewhere = self.site.top / f"making-{sid}"
        elsewhere.mkdir(mode=0o755)
        for name, data in files.items():
            path = elsewhere / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        give(elsewhere, uid)
        for one in more:
            one(elsewhere)
        elsewhere.rename(place)
        return sid, place

    def save(self, sid: str) -> dict[str, str]:
        """Save; return what was left out, and why."""
        done = self.daemon.cli("save", sid, "--json")
        assert done.returncode in (0, 3), f"{done.stderr}\n{self.daemon.story}"
        saved = json.loads(done.stdout.splitlines()[0])
        return {one["path"]: one["reason"] for one in saved["skipped"]}

    def back(self, sid: str) -> Path:
        """Restore what is kept, and return where to."""
        target = self.site.top / f"back-{sid}-{secrets.token_hex(4)}"
        self.daemon.ask("restore", sid, "--to", target)
        return target

    def kept(self, sid: str) -> dict[str, bytes]:
        """Return the files of the newest version, as a restore brings them back."""
        target = self.back(sid)
        found = files_below(target)
        remove(target)
        return found

    def assert_serves(self) -> None:
        """Check that another user's edit is kept, as if nothing was."""
        sid, place = self.make(ALICE, {"App.js": b"hers"})
        self.daemon.await_versions(sid, 1, timeout_s=2 * WAIT_S)
        assert self.kept(sid) == {"App.js": b"hers"}
        shutil.rmtree(place)

    def assert_nothing_foreign(self) -> None:
        """Check that no secret is in an object of the bucket, or in the state."""
        canary = self.canary
        with self.site.asking() as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.site.bucket
            )
            keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
            bodies = [
                s3.get_object(Bucket=self.site.bucket, Key=key)["Body"].read()
                for key in keys
            ]
        assert bodies, "nothing was kept at all"
        packs = [key for key in keys if key.endswith(".zst")]
        assert packs, keys
        for key, body in zip(keys, bodies, strict=True):
            assert canary not in unfolded(key, body), key
        # What is being deleted right now is nobody's any more.
        done = run(["grep", "-rlaF", canary.decode(), os.fspath(self.daemon.state)])
        assert done.stdout == ""
        assert canary.decode() not in self.daemon.log

    @contextmanager
    def attack(self, how: str, place: Path, *words: str | Path) -> Iterator["Attack"]:
        """Let Mallory do something to a session, over and over."""
        command = [*as_user(MALLORY), PYTHON, str(PROGRAM), how, str(place)]
        process = subprocess.Popen(
            [*command, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "begun\n", process.communicate()
            yield Attack(process)
            told, complaints = process.communicate("end\n", timeout=2 * WAIT_S)
            assert process.returncode == 0, complaints
            assert told.startswith("done "), told
        finally:
            process.kill()
            process.communicate()


@dataclass(frozen=True, slots=True)
class Attack:
    """One that is under way, until it has done it so often as it was told."""

    process: subprocess.Popen[str]

    @property
    def goes_on(self) -> bool:
        """Whether it is not done yet."""
        return self.process.poll() is None


def files_below(top: Path) -> dict[str, bytes]:
    """Return all regular files by relative path, however long that is."""
    found: dict[str, bytes] = {}
    for where, _, names, fd in os.fwalk(top):
        for name in names:
            if stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as file:
                    found[os.path.relpath(f"{where}/{name}", top)] = file.read()
    return found


def remove(top: Path) -> None:
    """Remove a tree, however deep it is."""
    subprocess.run(["rm", "-rf", os.fspath(top)], check=True)


def unfolded(key: str, body: bytes) -> bytes:
    """Return what is in an object, by a reader that is not ours."""
    if not key.endswith(".zst"):
        return body
    return subprocess.run(
        ["zstd", "-dc"], input=body, capture_output=True, check=True
    ).stdout


def await_skipped(street: Street, sid: str, expected: Mapping[str, str]) -> None:
    """Wait until `status` says that these are left out."""

    def skipped() -> dict[str, str]:
        (one,) = street.daemon.ask("status", sid)["sessions"]
        return {left["path"]: left["reason"] for left in one["skipped"]}

    until(lambda: skipped() == dict(expected), "status says what is left out")
