"""Runs a command in a restored directory, as the user whose directory it is.

What it runs, such as `npm ci`, runs what a project brings along. So it gets no right
that the owner does not have, and of the environment only what is listed here.
"""

import contextlib
import os
import pwd
import re
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from expokeep.hooks import kernel
from expokeep.hooks.child import PATH
from expokeep.hooks.saying import Saying

KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "TZ"),
        *("TMPDIR", "CI", "NO_COLOR", "FORCE_COLOR", "NO_PROXY", "no_proxy"),
        *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"),
    }
)
_KEPT_PREFIXES = ("LC_", "XDG_CACHE_", "npm_config_", "NPM_CONFIG_")
_SECRET_WORDS = ("auth", "token", "passw", "secret", "key", "cert_", "username")
_USER = re.compile("://[^/?#]*@")
_KILL_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is run, on what, and for how long at most."""

    command: Sequence[str]
    """One line for a shell, or a program and its arguments."""
    session: str
    version: int | None
    timeout_s: float

    @property
    def words(self) -> Sequence[str]:
        """What is executed."""
        return (
            self.command if len(self.command) > 1 else ("/bin/sh", "-c", *self.command)
        )


def run(task: Task, directory_fd: int, environ: Mapping[str, str]) -> int | None:
    """Run a task to its end; return its exit status, or None if its time ran out.

    Its output goes to stderr. All that it has started, and has not left its session,
    ends with it.

    Raises:
        PermissionError: the directory is another user's, and only root can become one.
        OSError: there is no such program, or the kernel refuses something.
    """
    found = os.fstat(directory_fd)
    if os.geteuid() not in (0, found.st_uid):
        raise PermissionError("the directory is another user's")
    with _home(found, environ) as home, Saying() as saying:
        saying.give_to(found.st_uid, found.st_gid)
        process = subprocess.Popen(  # noqa: S603 - the site's own words
            task.words,
            env=environment(environ, task, home),
            stdin=subprocess.DEVNULL,
            stdout=saying.end,
            stderr=saying.end,
            # Away from the terminal, which it is not given as a descriptor, either.
            start_new_session=True,
            preexec_fn=partial(_become, directory_fd, found.st_uid, _group(found)),  # noqa: PLW1509 - we have one thread
        )
        saying.handed_over()
        # Looked at without being reaped: so long its number, and that of its group, are
        # nobody else's.
        with _watched(process) as (descriptor, watch):
            try:
                in_time = saying.until_end(descriptor, task.timeout_s)
            finally:
                _end(process, watch)
        saying.rest()
        return process.returncode if in_time else None


def _group(found: os.stat_result) -> int:
    """Return the group of a directory if its owner is in it, and otherwise theirs.

    A directory has whatever group the one above hands on, or a version says.
    """
    try:
        owner = pwd.getpwuid(found.st_uid)
    except KeyError:
        return found.st_gid  # whoever it is, there is no other
    theirs = os.getgrouplist(owner.pw_name, owner.pw_gid)
    return found.st_gid if found.st_gid in theirs else owner.pw_gid


def _become(directory_fd: int, uid: int, gid: int) -> None:
    """Become the owner of a directory, in it, with no more rights than an owner has."""
    os.fchdir(directory_fd)
    if os.getuid() == 0:
        # Before the user changes: afterwards nobody may.
        kernel.forgo_capabilities()
        os.setgroups(())
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    kernel.no_new_privileges()
    kernel.die_with_parent(signal.SIGKILL)


def environment(
    given: Mapping[str, str], task: Task, home: str | None
) -> dict[str, str]:
    """Return what a command is told: nothing that is a credential.

    >>> task = Task(("npm ci",), "shop-42", 7, 600.0)
    >>> found = environment({"TERM": "xterm", "DATABASE_URL": "postgres://"}, task, "/")
    >>> sorted(found)
    ['EXPOKEEP_SESSION', 'EXPOKEEP_VERSION', 'HOME', 'PATH', 'TERM']
    """
    kept = {name: value for name, value in given.items() if _is_kept(name, value)}
    ours = {
        "PATH": kept.get("PATH") or PATH,
        "EXPOKEEP_SESSION": task.session,
        "EXPOKEEP_VERSION": str(task.version or ""),
    }
    if home is not None:
        for name in ("USER", "LOGNAME", "SHELL", "TMPDIR"):
            kept.pop(name, None)  # they are root's
        ours["HOME"] = home
    return {**kept, **ours}


def _is_kept(name: str, value: str) -> bool:
    if name not in KEPT and not name.startswith(_KEPT_PREFIXES):
        return False
    # A registry's token is npm's configuration, too; an address may have a password.
    is_secret = any(word in name.lower() for word in _SECRET_WORDS)
    has_user = name.lower().endswith("_proxy") and "@" in value
    has_user = has_user or _USER.search(value) is not None
    return not (is_secret or has_user)


@contextlib.contextmanager
def _home(found: os.stat_result, environ: Mapping[str, str]) -> Iterator[str | None]:
    """Hold the home of a directory's owner; None: it is the caller's, as it is.

    An owner without one that is his own gets one for the time of the command.
    """
    if os.geteuid() == found.st_uid and "HOME" in environ:
        yield None
        return
    with contextlib.suppress(KeyError, OSError):
        home = pwd.getpwuid(found.st_uid).pw_dir
        if Path(home).stat().st_uid == found.st_uid:
            yield home
            return
    made = tempfile.mkdtemp(prefix="expokeep-home-")
    try:
        os.chown(made, found.st_uid, found.st_gid)
        yield made
    finally:
        # Of directories without end something stays, and is its owner's to remove.
        with contextlib.suppress(RecursionError):
            shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _watched(
    process: "subprocess.Popen[bytes]",
) -> Iterator[tuple[int, "select.poll"]]:
    descriptor = os.pidfd_open(process.pid)
    try:
        watch = select.poll()
        watch.register(descriptor, select.POLLIN)
        yield descriptor, watch
    finally:
        os.close(descriptor)


def _end(process: "subprocess.Popen[bytes]", watch: "select.poll") -> None:
    """End whatever is left of a command: kindly if it still runs, then for good."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not watch.poll(0):
            os.killpg(process.pid, signal.SIGTERM)
            watch.poll(_KILL_AFTER_S * 1000)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
