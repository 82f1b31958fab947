"""The command line, run as a person runs it."""

import signal
from dataclasses import dataclass

import pytest

from expokeep.cli.main import main
from offering import offering


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd, monkeypatch):
    """Run `expokeep` in this process, with nothing of this machine in its way."""
    for word in ("SOCKET", "STATE_DIR", "CONFIG", "AS"):
        monkeypatch.delenv(f"EXPOKEEP_{word}", raising=False)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def run(*words) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return Ended(ended.value.code, *capfd.readouterr())

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def daemon(monkeypatch):
    """A daemon with one version, which `expokeep` finds."""
    with offering() as here:
        monkeypatch.setenv("EXPOKEEP_SOCKET", str(here.socket))
        yield here
