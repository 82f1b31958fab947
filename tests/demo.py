"""The whole story in a minute, on a real Expo project: `make demo`.

Starts a daemon with its own servers in a directory of its own, does what an app builder
and its people do, shows each command with its output, and leaves nothing behind.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
TEMPLATE = "expo-template-default"
SESSION = "demo"
PATIENCE_S = 60.0


def say(text: str) -> None:
    """Print a sentence of the story."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


class Story:
    """A daemon, a project, and the commands of an operator."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.watch = top / "tmp"
        self.state = top / "state"
        self.project = self.watch / f"expo-{SESSION}"
        self.environ = {**os.environ, "EXPOKEEP_STATE_DIR": str(self.state)}

    def run(self, *words: str, shown: bool = True) -> str:
        """Run a command as a person would, and show it with what it prints."""
        if shown:
            print(f"$ {' '.join(words)}".replace(str(self.top), "..."), flush=True)
        name = str(PROGRAMS / words[0]) if words[0] == "expokeep" else words[0]
        ran = subprocess.run(
            [name, *words[1:]],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        told = ran.stdout + ran.stderr
        if shown and told:
            print(told.rstrip().replace(str(self.top), "..."), flush=True)
        if ran.returncode:
            sys.exit(f"{' '.join(words)} failed: {told}")
        return ran.stdout

    def wait_for_version(self, seq: int) -> None:
        """Wait until the daemon has kept so many versions by itself."""
        pause = threading.Event()
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            listed = self.run("expokeep", "sessions", "--json", shown=False)
            sessions = json.loads(listed)["sessions"]
            if any(session["last_seq"] >= seq for session in sessions):
                return
            pause.wait(0.2)
        sys.exit(f"version {seq} did not come within {PATIENCE_S:g} s")

    @contextlib.contextmanager
    def daemon(self) -> Iterator[None]:
        """Run the daemon until the caller is done."""
        command = [
            str(PROGRAMS / "expokeepd"),
            "--embedded",
            "--state-dir",
            str(self.state),
            "--watch-dir",
            str(self.watch),
            "--log-level",
            "warning",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            for line in process.stdout or ():
                if "is ready" in line:
                    break
            else:
                sys.exit("the daemon did not start")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)


def unpack_template(target: Path, scratch: Path) -> None:
    """Make a fresh Expo project, as `create-expo-app` would."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", TEMPLATE],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=True,
    )
    archive = scratch / packed.stdout.split()[-1]
    subprocess.run(["tar", "-xzf", archive, "-C", scratch], check=True)
    (scratch / "package").rename(target)


def tell(story: Story) -> None:
    """Live through it."""
    say("1. An app builder makes a new Expo project. Nobody asked us to keep it.")
    unpack_template(story.project, story.top)
    story.wait_for_version(1)
    story.run("expokeep", "log", SESSION)

    say("2. Its user edits a screen. A little later that is a version of its own.")
    screen = next(iter(sorted(story.project.rglob("index.tsx"))))
    screen.write_text(screen.read_text().replace("Welcome", "My shop"))
    story.wait_for_version(2)
    story.run("expokeep", "diff", SESSION, "--stat")

    say("3. They like it, and say so.")
    (story.project / "NOTES.md").write_text("Keep this one.\n")
    story.run("expokeep", "save", SESSION, "-m", "first design", "--user", "alice")
    story.run("expokeep", "log", SESSION)
    shutil.copytree(story.project, story.top / "copy", symlinks=True)

    say("4. Thirty minutes are over: the app kills the session and deletes it at once.")
    story.run("rm", "-rf", str(story.project))
    story.run("ls", str(story.watch))

    say("5. The user comes back. Before Expo starts, the project is there again.")
    story.run("expokeep", "exec", SESSION, "--", "ls")

    say("6. Every byte of it.")
    story.run("diff", "-r", str(story.top / "copy"), str(story.project))
    print("(no difference)")

    say("7. And any earlier version, beside it.")
    story.run("expokeep", "restore", f"{SESSION}@1", "--to", str(story.top / "before"))
    story.run("expokeep", "sessions")


def main() -> None:
    """Tell the story in a directory that is removed afterwards."""
    if shutil.which("npm") is None:
        sys.exit("the demo needs npm: sudo apt-get install npm")
    # Root's servers run as another user, who must be able to pass through.
    with tempfile.TemporaryDirectory(prefix="keep-demo-", dir="/tmp") as name:
        top = Path(name)
        top.chmod(0o755)
        story = Story(top)
        story.watch.mkdir()
        say("expokeepd starts, with a Postgres and an S3 server of its own ...")
        with story.daemon():
            tell(story)
    say("That was all. `make run` starts a daemon for you to try.")


if __name__ == "__main__":
    main()
