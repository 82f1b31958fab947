"""Where what is remembered of each life of a directory lies: its index, its footing.

And what it was made of, while the catalog cannot be told. All of it outlives the
directory while snapshots of it wait: with the catalog away, it is what makes a whole
tree of a delta.
"""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from expokeep.model.names import SessionId
from expokeep.model.tree import Tree
from expokeep.worktree import index as indexes

_INDEX, _FOOTING, _ORIGIN, _ENDED = ".index", ".footing", ".origin", ".ended"

Life = tuple[int, int, int]
"""Device, inode and time of birth (ns) of a directory."""


@dataclass(frozen=True, slots=True)
class Footing:
    """Where the chain of a life stood when the catalog was last heard."""

    uid: int
    """Whose the session is."""
    has_head: bool
    """The session has a head at all."""
    is_heads: bool
    """And it is of this life."""
    is_restored: bool
    """A restore of ours made this directory."""
    ends_at_head: bool
    """Nothing of this life is parked behind the head."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The directory of all that; safe from several threads for several lives."""

    directory: Path

    def index_file(self, session: SessionId, life: Life) -> Path:
        """Return where the index of a life is, or is to be."""
        return self.directory / session / f"{_name(life)}{_INDEX}"

    def keep_footing(self, session: SessionId, life: Life, footing: Footing) -> None:
        """Write where a life stands, if that is news.

        A disk without room for it keeps nothing, and that is fine.
        """
        before = self.footings(session)
        if before.get(life) == footing:
            return
        self._write(session, life, footing)
        for other, its in before.items():
            if other != life and its.is_heads and footing.is_heads:
                overtaken = replace(its, is_heads=False, ends_at_head=False)
                self._write(session, other, overtaken)

    def keep_origin(self, session: SessionId, life: Life, pack: uuid.UUID) -> None:
        """Note that a restore made a directory of the version that a pack is of.

        Raises:
            OSError: the disk has no room for it.
        """
        file = self.directory / session / f"{_name(life)}{_ORIGIN}"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(str(pack))
        fresh.replace(file)

    def origins(self, session: SessionId) -> dict[Life, uuid.UUID]:
        """Return what directories were made of, as far as the catalog was not told."""
        found: dict[Life, uuid.UUID] = {}
        for file in self._files(session, _ORIGIN):
            with contextlib.suppress(OSError, ValueError):
                found[_life(file.name)] = uuid.UUID(file.read_text())
        return found

    def drop_origin(self, session: SessionId, life: Life) -> None:
        """Forget what a directory was made of: the catalog knows it."""
        for file in self._files(session, _ORIGIN):
            if _life(file.name) == life:
                file.unlink(missing_ok=True)

    def trees(self, session: SessionId) -> Iterator[tuple[uuid.UUID, Tree]]:
        """Yield the trees that are remembered, with the pack that each is of."""
        for file in self._files(session, _INDEX):
            found = indexes.load(file)
            if found is not None and found.pack is not None:
                yield found.pack, found.tree

    def footings(self, session: SessionId) -> dict[Life, Footing]:
        """Return where each life of a session stood."""
        found: dict[Life, Footing] = {}
        for file in self._files(session, _FOOTING):
            with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
                footing = msgspec.json.decode(file.read_bytes(), type=Footing)
                found[_life(file.name)] = footing
        return found

    def end(
        self, session: SessionId, device: int, inode: int, *, is_needed: bool
    ) -> None:
        """Let go of a directory that is no more: at once, or when `sweep` is called."""
        place = self.directory / session
        for file in [*place.glob(f"{device:x}-{inode:x}-*")]:
            with contextlib.suppress(OSError):
                if is_needed and not file.name.endswith(_ENDED):
                    file.rename(file.with_name(file.name + _ENDED))
                elif not is_needed:
                    file.unlink()
        with contextlib.suppress(OSError):
            place.rmdir()

    def sweep(self, session: SessionId) -> None:
        """Remove what was kept of directories that are no more."""
        place = self.directory / session
        with contextlib.suppress(OSError):
            for file in [*place.glob(f"*{_ENDED}")]:
                file.unlink(missing_ok=True)
            place.rmdir()  # fails while anything is left in it, and that is fine

    def _write(self, session: SessionId, life: Life, footing: Footing) -> None:
        file = self.directory / session / f"{_name(life)}{_FOOTING}"
        ended = file.with_name(file.name + _ENDED)
        file = ended if ended.exists() else file
        fresh = file.with_suffix(".new")
        with contextlib.suppress(OSError):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(footing))
            fresh.replace(file)

    def _files(self, session: SessionId, kind: str) -> list[Path]:
        place = self.directory / session
        return sorted([*place.glob(f"*{kind}"), *place.glob(f"*{kind}{_ENDED}")])


def _name(life: Life) -> str:
    return "-".join(f"{number:x}" for number in life)


def _life(name: str) -> Life:
    device, inode, birth_ns = name.partition(".")[0].split("-")
    return int(device, 16), int(inode, 16), int(birth_ns, 16)
