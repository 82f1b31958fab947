"""git as a program that reads from strangers: a repository of theirs, cloned bare.

Nothing of it is ever checked out. git runs in an empty home, with settings of ours and
nobody's credentials, without hooks, submodules and filters, for so long and with so
much disk at most; as root, under a uid that owns nothing else.
"""

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from expokeep import clock
from expokeep.errors import ExpokeepError, QuotaExceeded, TimedOut, UsageError
from expokeep.export.repository import GitFailed, clean_environment
from expokeep.model import size
from expokeep.model.names import for_terminal

_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]*"
_REST = r"[^\s\x00-\x1f]*"
_URL = re.compile(
    rf"https://{_HOST}(?::[0-9]+)?/{_REST}"
    rf"|ssh://(?:[A-Za-z0-9._]+@)?{_HOST}(?::[0-9]+)?/{_REST}"
    rf"|[A-Za-z0-9._]+@{_HOST}:(?!-){_REST}"
)
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,200}")
_LOOK_EVERY_S = 0.2
_FIRST_UID, _UIDS = 1_900_000_000, 100_000_000
_NOBODY = 65534
_SAID_BYTES = 2000
_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
"""Of one git: a few bytes of a pack may stand for an object of any size."""
_FILE_TO_SPARE_BYTES = 1024 * 1024
_LIMITED = (
    'ulimit -c 0 && ulimit -d "$1" && ulimit -f "$2" && ulimit -t "$3"'
    ' && shift 3 && exec "$@"'
)
"""A line for a shell: all that git starts has these limits, too."""
_SETTINGS = (
    "protocol.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=1",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """What is to be cloned."""

    url: str
    protocol: str
    uid: int | None
    """As whom git runs; None: as we do."""
    ref: str | None = None


def origin(place: str, ref: str | None = None) -> Origin:
    """Return what somebody names: a URL of https or ssh, or a directory.

    Raises:
        UsageError: it is neither, or would send a password along.
    """
    if ref is not None and not _REF.fullmatch(ref):
        raise UsageError(f"{ref!r} cannot be a branch or a tag")
    if _URL.fullmatch(place) and not place.startswith("https:") and "://" not in place:
        return Origin(place, "ssh", _uid(), ref)
    if _URL.fullmatch(place):
        return Origin(place, place.partition(":")[0], _uid(), ref)
    directory = Path(place)
    if "://" in place or not directory.is_dir():
        error = UsageError(f"{place.partition('://')[0]!r} is nothing to clone from")
        error.hint = (
            "Name an https or ssh URL without a password in it, or a directory. What "
            "takes credentials is cloned by you, and imported from its directory."
        )
        raise error
    # Its own settings may name programs: git runs as its owner, who wrote them.
    owner = directory.stat().st_uid
    url = f"file://{quote(os.fsencode(directory.resolve()))}"
    return Origin(url, "file", owner if os.geteuid() == 0 else None, ref)


@dataclass(frozen=True, slots=True)
class Clone:
    """A bare repository, and how to ask it."""

    repository: Path
    home: Path
    uid: int | None
    until_s: float
    max_bytes: int
    errors: IO[bytes]
    """What git says when something goes wrong, which may be any amount."""

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start git in the repository."""
        return _started(self, [*_words(), "--git-dir", str(self.repository), *words])

    def said(self, *words: str) -> bytes:
        """Return what git says.

        Raises:
            GitFailed: it failed.
        """
        with self.start(*words) as git:
            out, _ = git.communicate()
        if git.returncode != 0:
            raise _failed(words[0], self)
        return out


@contextlib.contextmanager
def cloned(source: Origin, max_bytes: int, timeout_s: float) -> Iterator[Clone]:
    """Hold a clone of one commit, which is gone at the end.

    Raises:
        GitFailed: git is not there, or could not clone it.
        QuotaExceeded: it is too large.
        TimedOut: it took too long.
    """
    held = contextlib.ExitStack()
    home = Path(tempfile.mkdtemp(prefix="expokeep-git-"))
    try:
        uid = _given(home, source.uid)
        until_s = clock.monotonic_s() + timeout_s
        place = home / "repository"
        errors = held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - held
        clone = Clone(place, home, uid, until_s, max_bytes, errors)
        words = [*_words(), "-c", f"protocol.{source.protocol}.allow=always"]
        words += ["clone", "--quiet", "--bare", "--depth=1", "--single-branch"]
        words += ["--no-tags", "--template="]
        words += ["--branch", source.ref] if source.ref is not None else []
        git = _started(clone, [*words, "--", source.url, str(clone.repository)])
        _watch(git, clone)
        yield clone
    finally:
        held.close()
        shutil.rmtree(home, ignore_errors=True)


def _words() -> list[str]:
    found = shutil.which("git")
    if found is None:
        raise GitFailed("git is not installed")
    return [found, *(word for one in _SETTINGS for word in ("-c", one))]


def _started(clone: Clone, command: list[str]) -> subprocess.Popen[bytes]:
    is_other = clone.uid is not None and clone.uid != os.geteuid()
    environment = {
        **clean_environment(clone.home),
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oPasswordAuthentication=no",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    try:
        return subprocess.Popen(  # noqa: S603 - no shell, and URLs behind `--`
            [*_limits(clone), *command],
            cwd=clone.home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=clone.errors,
            start_new_session=True,
            umask=0o077,
            user=clone.uid if is_other else None,
            group=clone.uid if is_other else None,
            extra_groups=[] if is_other else None,
        )
    except OSError as error:
        raise GitFailed(f"git cannot be run: {error.strerror or error}") from error


def _limits(clone: Clone) -> list[str]:
    """Return the words before a command that bound what it may take."""
    left_s = max(1.0, clone.until_s - clock.monotonic_s())
    file_bytes = clone.max_bytes + _FILE_TO_SPARE_BYTES
    most = (_MEMORY_BYTES // 1024, file_bytes // 512, int(left_s) + 1)
    return ["/bin/sh", "-c", _LIMITED, "sh", *map(str, most)]


def _watch(git: subprocess.Popen[bytes], clone: Clone) -> None:
    """Wait for the end of git, which is ended if it takes too long or too much."""
    with git:
        try:
            while True:
                try:
                    git.communicate(timeout=_LOOK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    _require_bounds(clone)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(git.pid, signal.SIGKILL)
            raise
    _require_bounds(clone)
    if git.returncode != 0:
        raise _failed("clone", clone)


def _require_bounds(clone: Clone) -> None:
    if clock.monotonic_s() > clone.until_s:
        raise TimedOut("it took too long to clone")
    if _size_bytes(clone.home) > clone.max_bytes:
        most = size.shown(clone.max_bytes)
        raise QuotaExceeded(f"the repository takes more than {most}")


def _size_bytes(top: Path) -> int:
    found = 0
    for above, _, names in os.walk(top):
        for name in names:
            with contextlib.suppress(OSError):
                found += os.lstat(os.path.join(above, name)).st_size  # noqa: PTH118 - it walks
    return found


def _failed(what: str, clone: Clone) -> ExpokeepError:
    end = os.fstat(clone.errors.fileno()).st_size
    err = os.pread(clone.errors.fileno(), _SAID_BYTES, max(0, end - _SAID_BYTES))
    said = " ".join(for_terminal(err).replace("\\x0a", " ").split())
    return GitFailed(f"git {what}: {said or 'it failed'}")


def _given(home: Path, uid: int | None) -> int | None:
    """Give a home to a uid; return whose it is now."""
    if uid is None:
        return None
    try:
        os.chown(home, uid, uid)
    except OSError:  # in a container there may not be so many
        uid = _NOBODY
        os.chown(home, uid, uid)
    return uid


def _uid() -> int | None:
    """Return a uid that owns nothing, if we may take on another."""
    return _FIRST_UID + secrets.randbelow(_UIDS) if os.geteuid() == 0 else None
