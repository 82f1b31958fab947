"""An observer in a process of its own, for tests that stop it or take its rights.

Prints what the sink is told as lines of JSON. Each line on stdin is answered by the
statistics; it may be `stats`, `rescan SID...`, `limit N` (the watches that its user
namespace may have), or `run` and a command to be run among the mounts that it sees.
"""

import json
import subprocess
import sys
from pathlib import Path

from expokeep import log
from expokeep.watch.observer import Observer
from expokeep.watch.values import Assignment, SessionDirectory, WatchRoot
from watching import IMPATIENT, Recorder, excluded

_LIMIT = Path("/proc/sys/user/max_inotify_watches")


class Printer(Recorder):
    """Prints instead of remembering."""

    def _note(self, what: str, directory: SessionDirectory | None) -> None:
        say(what, "" if directory is None else directory.session)


def say(*words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(base: Path, limit: str) -> None:
    log.configure()
    if limit:
        _LIMIT.write_text(limit)
    root = WatchRoot(bytes(base / "tmp"))
    task = Assignment((root,), excluded, Printer(), IMPATIENT)
    with Observer(task, base / "private") as observer:
        say("ready", "")
        for line in sys.stdin:
            command, *arguments = line.split()
            if command == "limit":
                _LIMIT.write_text(arguments[0])
            if command == "run":
                subprocess.run(arguments, check=True)
            if command == "rescan":
                for directory in observer.directories():
                    if directory.session in arguments:
                        observer.rescan(directory)
            observer.barrier(20.0)
            stats = observer.stats()
            say(
                "stats",
                {
                    "watches": stats.watches,
                    "overflows": stats.overflows,
                    "degraded": [
                        [where.session, reason] for where, reason in stats.degraded
                    ],
                },
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
