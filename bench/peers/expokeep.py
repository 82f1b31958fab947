"""expokeep: the daemon as a process of its own, asked by its command."""

from contextlib import ExitStack
from pathlib import Path

from bench import daemon
from bench.peers.base import Peer, empty


class Expokeep(Peer):
    """Timed twice: by itself, and as the whole command."""

    name = "expokeep"
    programs = ("expokeep", "expokeepd")
    keeps_history = True
    saves_alike = False
    version_option = "--version"

    @property
    def project(self) -> Path:
        """A session's directory; its name is what makes it one."""
        return self._watched / "expo-bench"

    def setup(self) -> None:
        other = self._watched / "expo-other"
        other.mkdir(parents=True)
        (other / "a").write_text("a file of another session\n")
        self._stack = ExitStack()
        running = daemon.running(self.ground, self._watched, daemon.ONLY_WHEN_ASKED)
        self._daemon = self._stack.enter_context(running)
        # As in use, where a daemon has run for days: its connections are open.
        self._daemon.ask("save", "other")

    def save(self) -> float:
        return float(self._daemon.ask("save", "bench")["took_s"])

    def restore(self, target: Path) -> float:
        over = ("--swap",) if target.exists() else ()
        done = self._daemon.ask("restore", "bench", "--to", target, *over)
        return float(done["took_s"])

    def forget_local(self) -> None:
        empty(self._daemon.state / "cache")

    def close(self) -> None:
        self._stack.close()

    @property
    def _watched(self) -> Path:
        return self.room / "watched"
