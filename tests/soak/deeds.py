"""What is done to a session's directory, on disk and in the model at once."""

import os
import random
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from soak.model import Kind, Life, Session, digest

FEW = 4
"""Deletions between two points that are known to be captured: fewer than the guard
takes for a loss that a person should look at."""
PACE = threading.Event()
"""Never set: what is waited on when something is to take a while."""


class Directory:
    """The directory of one session."""

    def __init__(self, session: Session, place: Path) -> None:
        self.session, self.place = session, place
        self._deleted = 0

    @property
    def life(self) -> Life:
        """Return the life that is under way."""
        life = self.session.life
        assert life is not None
        return life

    def appear(self, kind: Kind, chance: random.Random) -> None:
        """Make a directory elsewhere, and move it to its place in one step."""
        if kind == "fragment":
            names = ["src/page.js", "src/other.js"]
        else:
            names = ["package.json", "App.js", *(f"src/{n}.js" for n in range(10))]
        files = {name: fresh(chance) for name in names}
        elsewhere = self.place.with_name(f".making-{self.place.name}")
        for name, contents in files.items():
            put(elsewhere / name, contents)
        elsewhere.rename(self.place)
        self.begin(kind, {name: digest(text) for name, text in files.items()})

    def begin(self, kind: Kind, state: Mapping[str, str]) -> None:
        """Note that a directory is there."""
        self.session.lives.append(Life(kind, dict(state)))
        self._deleted = 0

    def edit(self, chance: random.Random) -> None:
        """Do one to four things to files, one right after the other."""
        life = self.life
        life.begin()
        for _ in range(chance.randint(1, 4)):
            name = chance.choice(sorted(life.state))
            deed = chance.choices(["put", "new", "remove", "rename"], [6, 3, 1, 2])[0]
            if deed == "put" or name == "package.json":
                self._put(name, fresh(chance))
            elif deed == "new":
                self._put(f"src/new-{chance.randrange(10**6)}.js", fresh(chance))
            elif deed == "remove" and self._deleted < FEW and len(life.state) > FEW:
                self._deleted += 1
                (self.place / name).unlink()
                life.remove(name)
            elif deed == "rename":
                fresh_name = f"src/moved-{chance.randrange(10**6)}.js"
                (self.place / name).rename(self.place / fresh_name)
                life.rename(name, fresh_name)

    def settled(self, *, by_a_person: bool = False) -> None:
        """Note that all is captured; what a person saved lacks what was deleted."""
        self.life.settle(by_a_person=by_a_person)
        if by_a_person:
            self._deleted = 0
            self.life.bursts[-1].ghosts.clear()

    def tear_down(self, chance: random.Random) -> None:
        """Remove it, as the app does: at once, or over a second or two."""
        pause_s = chance.choice([0.0, 0.0, 0.05, 0.15])
        if pause_s == 0.0:
            shutil.rmtree(self.place)
        else:
            for name in sorted(self.life.state):
                (self.place / name).unlink()
                PACE.wait(pause_s)
            shutil.rmtree(self.place)
        self.life.is_over = True

    def on_disk(self) -> dict[str, str]:
        """Return what is there, as the model would say it."""
        return state_of(self.place)

    def _put(self, name: str, contents: bytes) -> None:
        put(self.place / name, contents)
        self.life.may_be_empty(name)
        self.life.put(name, digest(contents))


def fresh(chance: random.Random) -> bytes:
    """Return contents that never were before."""
    size = chance.choice([20, 200, 2000, 9000])
    return f"{chance.random()!r}\n".encode() + chance.randbytes(size // 2) * 2


def put(path: Path, contents: bytes) -> None:
    """Write a file as an editor does: in one go, in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)


def state_of(top: Path) -> dict[str, str]:
    """Return what is below a directory."""
    return {
        os.path.relpath(path, top): digest(path.read_bytes())
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }
