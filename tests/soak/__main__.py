"""`python -m soak`: ten minutes of everything at once; exits 0 if nothing is wrong."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from soak.run import Plan, soaked


def main() -> int:
    """Run a soak as the command line says, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10**6)
    )
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600.0)
    words = parser.parse_args()
    plan = Plan(words.seed, words.sessions, words.seconds)
    _tell(f"{plan.sessions} sessions, {plan.length_s:g} s, --seed {plan.seed}")
    soak = soaked(plan, _tell)
    for deed, count in sorted(soak.counts.items()):
        _tell(f"{count:7} {deed}")
    for difference in soak.found:
        _tell(f"WRONG: {difference}")
    if soak.found:
        log = Path(tempfile.gettempdir()) / f"soak-{plan.seed}.log"
        log.write_text(soak.log)
        _tell(f"the daemon's log is in {log}")
    _tell(f"{len(soak.found)} differences, --seed {plan.seed}")
    return 1 if soak.found else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
