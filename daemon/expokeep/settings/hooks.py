"""Settings of what is run on each version and after a restore, with which limits."""

from dataclasses import dataclass
from pathlib import Path

from expokeep.settings import kinds
from expokeep.settings.declare import setting, setting_list
from expokeep.settings.kinds import SWITCH, choice, duration, size, whole

READABLE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Commands of this site: after a restore, and on each version. See docs/HOOKS.md.

    on-version runs beside the daemon in a restored copy that is thrown away, as a user
    who owns nothing, without network, and sees nothing of this host but the programs of
    readable; all that follows it is about it alone, but for timeout.
    """

    after_restore: tuple[str, ...] = setting_list(
        kinds.ARGUMENT,
        (),
        "What `expokeep exec` and `expokeep restore` run in a directory that they have "
        "restored, before anything else starts there: one line for a shell, or a list "
        "of a program and its arguments; such as npm ci --prefer-offline --no-audit. "
        "It runs as the user who owns the directory; whoever restores may read it, so "
        "name no secret. Nothing by default.",
    )

    on_version: tuple[str, ...] = setting_list(
        kinds.ARGUMENT,
        (),
        "What to run when a version has become the newest of its session: one line for "
        "a shell, or a list of a program and its arguments. Nothing by default.",
    )
    versions: str = setting(
        choice("all", "saved", "labelled"),
        "all",
        "On which: all of them, those that a person saved, or those with a label. When "
        "several came meanwhile, only on the newest.",
    )
    timeout_s: float = setting(
        duration("1s", "1d"),
        "10m",
        "Then it is ended, with all that it has started; after-restore, too.",
    )
    cpu_time_s: float = setting(
        duration("1s", "1d"), "10m", "Of a processor, for each process."
    )
    memory_bytes: int = setting(
        size("16MB", "1024TB"),
        "4GB",
        "Addresses for each process; node reserves more than a gigabyte.",
    )
    file_size_bytes: int = setting(
        size("1MB", "1024TB"), "1GB", "The largest file that it may write."
    )
    processes: int = setting(whole(1, 100_000), "256", "Processes and threads at once.")
    parallelism: int = setting(whole(1, 64), "1", "Commands at a time on this host.")
    first_uid: int = setting(
        whole(1000, 4_294_967_000),
        "65000",
        "The first of as many numbers of users as there are commands at a time. "
        "Nobody else may have them.",
    )
    readable: tuple[Path, ...] = setting_list(
        kinds.PATH,
        READABLE,
        "What it sees of this host, read-only, where it is there. This list replaces "
        "the default; never name what holds a secret that everybody may read.",
    )
    unsafe_same_user: bool = setting(
        SWITCH,
        "false",
        "Where the daemon is not root: run it as the daemon's own user, in a user "
        "namespace. Without this nothing is run there.",
    )
