"""The settings of the spool, and of what is taken before there is a snapshot."""

from dataclasses import dataclass
from pathlib import Path

from expokeep.settings import kinds
from expokeep.settings.declare import setting
from expokeep.settings.kinds import SWITCH, choice, size, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """What is safe on local disk and not yet in the bucket."""

    path: Path = setting(
        kinds.PATH,
        "${EXPOKEEP_STATE_DIR}/spool",
        "On a disk that survives a reboot; not below /tmp. The packaged unit has to "
        "see it: BindPaths= in a drop-in.",
    )
    max_size_bytes: int = setting(
        size("1MB", "1024TB"),
        "5GB",
        "With more than this, states on the way to a session's newest are folded into "
        "it. The newest is always kept, whatever it takes.",
    )
    min_free_bytes: int = setting(
        size("0B", "1024TB"),
        "1GB",
        "With less free space than this the spool is folded as well, and nothing is "
        "restored to its disk. Captures go on.",
    )
    fsync: str = setting(
        choice("never", "commit", "file"),
        "commit",
        "When data is forced to disk: with each snapshot, with each early copy as "
        "well, or never, which survives a kill of the daemon but no power cut.",
    )
    eager: bool = setting(
        SWITCH,
        "true",
        "Take a file when its writer closes it, and not only with the snapshot: what "
        "was written just before its session is removed is kept too.",
    )
    eager_copy_bytes: int = setting(
        size("0B", "1GB"),
        "4MB",
        "Larger files are held open until the next snapshot instead of being copied.",
    )
    eager_max_size_bytes: int = setting(
        size("0B", "1TB"),
        "256MB",
        "Early copies on disk, of all sessions. Beyond it files are held open.",
    )
    pin_fds: int = setting(
        whole(8, 1_000_000),
        "4096",
        "Files held open, at most, and no more than a quarter of what the process may "
        "open. Beyond it the oldest are copied or left to the next snapshot.",
    )
