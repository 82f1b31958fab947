"""A shell in which somebody types, line by line, and reads what is printed."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from daemons import SCRIPTS, WAIT_S

RUNBOOK = Path(__file__).parents[1] / "docs/RUNBOOK.md"
MARK = "-- that was all --"


def blocks(heading: str) -> list[list[str]]:
    """Return the lines of each block of a section of the runbook that a shell takes."""
    section = RUNBOOK.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [block.splitlines() for block in found]


class Shell:
    """A shell in which somebody types."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "-mu"],
            cwd=home,
            env={"PATH": f"{SCRIPTS}:{os.environ['PATH']}", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, line: str) -> str:
        """Run a line; return what it printed. It has to succeed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\necho '{MARK}' $?\n")
        self.process.stdin.flush()
        said: list[str] = []
        for heard in self.process.stdout:
            if heard.startswith(MARK):
                assert heard.split()[-1] == "0", f"{line}: {heard}{''.join(said)}"
                return "".join(said)
            said.append(heard)
        raise AssertionError(f"the shell ended at {line}: {''.join(said)}")

    def types(self, lines: list[str]) -> dict[str, str]:
        """Run lines; return what each printed."""
        return {line: self.type(line) for line in lines}

    def close(self) -> None:
        """End it, and what runs in it where a story ended early."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.process.stdin as stdin, contextlib.suppress(BrokenPipeError):
            stdin.write("kill %1 2>/dev/null; wait\n")
            stdin.flush()
        self.process.wait(WAIT_S)
        self.process.stdout.close()


@contextlib.contextmanager
def shell_in(home: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """Give a shell that begins in `home`."""
    shell = Shell(home, environment)
    try:
        yield shell
    finally:
        shell.close()
