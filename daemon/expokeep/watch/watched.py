"""One session's directory as the watch sees it, and the directories below it.

State without behaviour that could fail: no system calls here.
"""

from expokeep.model.ignore import Rules
from expokeep.watch.values import SessionDirectory, WatchRoot

UNWATCHED_WD = -1
_MAX_VERDICTS = 1024


class Node:
    """A directory that is watched. Its path is where its parents are now.

    Moving it is a matter of two dictionaries, however much is below it.
    """

    __slots__ = ("children", "inode", "name", "parent", "watched", "wd")

    def __init__(
        self, name: bytes, parent: "Node | None", watched: "Watched", wd: int
    ) -> None:
        self.name = name
        self.parent = parent
        self.watched = watched
        self.wd = wd
        self.inode = 0
        """Zero of what is on another device than the session."""
        self.children: dict[bytes, Node] = {}

    def place(self) -> tuple["Node", list[bytes]]:
        """Return the topmost node above this one, and the names from there to here."""
        names, top = [], self
        while top.parent is not None:
            names.append(top.name)
            top = top.parent
        return top, names[::-1]

    def path(self) -> bytes | None:
        """Return the path below the session's root, or None if it hangs in the air."""
        top, names = self.place()
        return b"/".join(names) if top is self.watched.root else None

    def is_above(self, other: "Node") -> bool:
        """Return whether `other` is this node or below it."""
        above: Node | None = other
        while above is not None and above is not self:
            above = above.parent
        return above is self


class Watched:
    """A session's directory: its rules, its root node, how well it is watched."""

    __slots__ = (
        "_rules",
        "_verdicts",
        "degraded",
        "directory",
        "dirty",
        "found_in",
        "is_astray",
        "poll_pause_s",
        "rests_until_s",
        "root",
        "spent",
        "spent_since_s",
        "storms",
        "trouble",
        "walk_took_s",
        "walked_s",
        "watches",
    )

    def __init__(
        self, directory: SessionDirectory, found_in: WatchRoot, rules: Rules
    ) -> None:
        self.directory = directory
        self.found_in = found_in
        self.root = Node(b"", None, self, UNWATCHED_WD)
        self.watches = 0
        self.trouble = ""
        """Why the last walk could not watch everything."""
        self.degraded = ""
        """What the world was told about it."""
        self.poll_pause_s = 0.0
        self.spent = 0
        """Events, and files that were looked for, since `spent_since_s`."""
        self.spent_since_s = float("-inf")
        self.storms = 0
        """How often it had too many, one time after the other."""
        self.rests_until_s = float("-inf")
        """Until then nothing of it is watched."""
        self.walked_s = float("-inf")
        self.walk_took_s = 0.0
        self.is_astray = False
        """Whether a walk would find what was lost from sight."""
        self.dirty = False
        """Whether anything happened since all was last in doubt."""
        self.obey(rules)

    def obey(self, rules: Rules) -> None:
        """Go by these rules from now on."""
        self._rules = rules
        self._verdicts: dict[tuple[bytes, bool], bool] = {}

    def excludes(self, path: bytes, *, is_directory: bool) -> bool:
        """Return whether the rules leave this out. Remembers: the same names recur."""
        key = path, is_directory
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= _MAX_VERDICTS:
                self._verdicts.clear()
            verdict = self._rules.excludes(path, is_directory=is_directory)
            self._verdicts[key] = verdict
        return verdict


def below(path: bytes, name: bytes) -> bytes:
    """Return the path of a name in a directory.

    >>> below(b"", b"src"), below(b"src", b"app")
    (b'src', b'src/app')
    """
    return b"%b/%b" % (path, name) if path else name
