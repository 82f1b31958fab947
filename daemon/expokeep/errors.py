"""The failures that expokeep can name, for three readers.

A person reads `hint`, a script reads `exit_code`, a retry loop reads `transient`.
Whatever is not an `ExpokeepError` is a bug, and is allowed to crash.
"""

from typing import ClassVar


class ExpokeepError(Exception):
    """Root of every failure that expokeep can name."""

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False
    hint: str = ""
    """What the reader can do about it; an instance may know better than its class."""


class UsageError(ExpokeepError):
    """The words of a request do not mean anything."""

    exit_code = 2
    hint = "`expokeep VERB --help` shows what can be said, with examples."


class Partial(ExpokeepError):
    """Something that was asked for was done, but not all of it."""

    exit_code = 3
    hint = "What is done stays done; `expokeep status` shows what is left. Try again."


class AfterRestoreFailed(Partial):
    """A directory was restored, and the command after it did not end well."""

    hint = (
        "What was restored stays. The next `expokeep exec` in that directory runs the "
        "command again first; --no-hooks goes on without it."
    )


class TargetExists(ExpokeepError):
    """A restore would have to touch what is already there."""

    exit_code = 4
    hint = (
        "Use --if-missing to leave it as it is, --swap to replace it (the old tree is "
        "kept beside it), or --to DIR to restore somewhere else."
    )


class Parked(ExpokeepError):
    """A version was kept, and did not become the newest."""

    exit_code = 4
    hint = "`expokeep accept VERSION` makes it the newest; so does `save --force`."


class NotFound(ExpokeepError):
    """There is no such session, version or path."""

    exit_code = 10
    hint = "`expokeep sessions --all` lists what is kept."


class Busy(ExpokeepError):
    """Another host or another operation holds the session."""

    exit_code = 11
    hint = "Try again in a moment; `expokeep status` shows who is at what."
    transient = True


class AccessDenied(ExpokeepError):
    """Credentials are missing or wrong, or the caller has no right to this."""

    exit_code = 12
    hint = (
        "`expokeep doctor` tries the credentials, `expokeep config show --sources` "
        "shows where they come from."
    )


class QuotaExceeded(ExpokeepError):
    """There would be more of a user's than the user may have."""

    exit_code = 13
    hint = (
        "`expokeep list` shows the builds and `expokeep quota show` how many there may "
        "be: delete one, or let an operator allow more."
    )


class ShareUnusable(ExpokeepError):
    """What a token stands for cannot be had, or it stands for nothing."""

    exit_code = 14
    hint = (
        "It may be mistyped, over, used up, revoked, or for others. Ask whoever shared "
        "it: `expokeep share list --all` tells them."
    )


class IntegrityError(ExpokeepError):
    """Bytes are not what their digest says they are."""

    exit_code = 15
    hint = "`expokeep check --read-data` finds out what else is damaged."


class FileChanged(ExpokeepError):
    """A file was written to while it was read. Read it again."""

    transient = True


class BlobMissing(IntegrityError):
    """A version names contents that the store no longer holds."""

    hint = (
        "`expokeep check` lists every version that is affected; `expokeep repair "
        "catalog` stores again what another copy still holds."
    )

    def __init__(self, digest: str, key: str) -> None:
        super().__init__(f"blob {digest} is not at {key}")
        self.digest = digest
        self.key = key


class DaemonUnreachable(ExpokeepError):
    """Nobody answers on the control socket."""

    exit_code = 16
    hint = (
        "Is expokeepd running (`systemctl status expokeepd`)? Name its socket with "
        "--socket or its state directory with --state-dir, or work without it: "
        "--direct."
    )


class BackendUnreachable(ExpokeepError):
    """R2 or Postgres does not answer, after all retries."""

    exit_code = 17
    hint = (
        "`expokeep doctor` shows which one; RUNBOOK, `The bucket or Postgres does not "
        "answer`, what to do. What was captured waits in the spool."
    )
    transient = True


class NoSpace(ExpokeepError):
    """The disk has no room, or no inodes, for what was asked."""

    exit_code = 18
    hint = "`df -h` and `df -i` show what is full. Free some, and try again."


class WatchUnavailable(NoSpace):
    """The kernel has no inotify instance, or no watch, left for us."""

    hint = "Raise fs.inotify.max_user_instances or fs.inotify.max_user_watches."


class ConfigError(ExpokeepError):
    """The configuration cannot be used as it is."""

    exit_code = 78
    hint = (
        "`expokeep config show --sources` shows where each value comes from, "
        "`man expokeep.yaml` or config/expokeep.example.yaml what is allowed."
    )


class TimedOut(ExpokeepError):
    """The time that the caller gave ran out."""

    exit_code = 124
    hint = "What was begun may still end by itself. Give it more: --timeout DUR."


def by_exit_code(exit_code: int) -> type[ExpokeepError]:
    """Return the class whose exit code this is, so that a client can raise it again.

    >>> by_exit_code(10).__name__
    'NotFound'
    >>> by_exit_code(1).__name__, by_exit_code(99).__name__
    ('ExpokeepError', 'ExpokeepError')
    """
    for known in ExpokeepError.__subclasses__():
        # Its own, not an inherited one: 1 means no failure in particular.
        if vars(known).get("exit_code") == exit_code:
            return known
    return ExpokeepError
