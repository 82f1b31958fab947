"""What the snapshots that wait in a spool will be, once they are recorded. Pure.

A restore on the host that holds them must not give back less than this host knows. So
they are judged beforehand, by the rule that will be asked when they are recorded: what
will become head, and what will be parked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from expokeep.model.guard import Life, Limits, loss, refusal
from expokeep.model.tree import Tree
from expokeep.spool.entry import SpoolEntry

LifeId = tuple[int, int, int]
"""Device, inode and time of birth (ns) of a directory."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the chain of one life of a directory stands."""

    is_heads: bool = False
    """The head is of this life."""
    is_restored: bool = False
    """A restore of ours made the directory."""
    ends_at_head: bool = False
    """Nothing of it is parked behind the head."""


Beside = Callable[[SpoolEntry, Chain], str | None]
"""Tells why this host may not move the head with a snapshot, if it may not."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a session stands before anything that waits is recorded."""

    uid: int | None
    """Whose it is; None: the first's who comes."""
    has_head: bool | None
    """None: nobody can tell, because the catalog is away."""
    chains: Mapping[LifeId, Chain] = field(default_factory=dict)
    beside: Beside = lambda _entry, _chain: None


@dataclass(frozen=True, slots=True)
class Judged:
    """A snapshot that waits, and why it will not become head, if it will not."""

    entry: SpoolEntry
    parked: str | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will be once all that waits is recorded."""

    waiting: tuple[Judged, ...]
    """In the order of their recording; those of another user are left out."""
    head: Judged | None
    """The newest that will be head; None if the head stays what it is."""
    is_certain: bool = True
    """False: something may become head or not, depending on what the catalog knows."""


TreeOf = Callable[[SpoolEntry | None], Tree | None]
"""Tells the whole tree of a snapshot that waits; of None, that of the recorded head.
None if nothing proves it."""
UNPROVED = "its whole tree cannot be proved, so nobody can tell what it lost"


def outlook(
    entries: Sequence[SpoolEntry], standing: Standing, tree_of: TreeOf, limits: Limits
) -> Outlook:
    """Judge what waits for a session, oldest first.

    Raises:
        ExpokeepError: as `tree_of`, where the rule has to look at trees.
    """
    judging = _Judging(standing, tree_of, limits, dict(standing.chains))
    for entry in entries:
        judging.judge(entry)
    return Outlook(tuple(judging.waiting), judging.head, judging.is_certain)


@dataclass(slots=True)
class _Judging:
    standing: Standing
    tree_of: TreeOf
    limits: Limits
    chains: dict[LifeId, Chain]
    has_head: bool | None = field(init=False)
    uid: int | None = field(init=False)
    waiting: list[Judged] = field(default_factory=list)
    head: Judged | None = None
    is_certain: bool = True

    def __post_init__(self) -> None:
        self.has_head, self.uid = self.standing.has_head, self.standing.uid

    def judge(self, entry: SpoolEntry) -> None:
        """Add one snapshot."""
        note = entry.note
        if self.uid not in (None, note.root_uid):
            return  # it will be thrown away: nobody makes a session another's
        self.uid = note.root_uid
        life = (note.device, note.inode, note.birth_ns)
        chain = self.chains.get(life, Chain())
        parked = self._reason(entry, chain)
        one = Judged(entry, parked)
        self.waiting.append(one)
        if parked is not None:
            self.chains[life] = replace(chain, ends_at_head=False)
            return
        self.head, self.has_head = one, True
        for other, its in self.chains.items():
            self.chains[other] = replace(its, is_heads=False, ends_at_head=False)
        self.chains[life] = replace(chain, is_heads=True, ends_at_head=True)

    def _reason(self, entry: SpoolEntry, chain: Chain) -> str | None:
        doubt = None if entry.note.is_forced else self._doubt(entry, chain)
        return doubt or self.standing.beside(entry, chain)

    def _doubt(self, entry: SpoolEntry, chain: Chain) -> str | None:
        if (refused := self._refusal(entry, chain) or entry.note.loss) is not None:
            return refused
        if not self.has_head or not chain.is_heads or chain.ends_at_head:
            return None
        # The one before it is parked. So is this one, unless what was lost is back.
        before = self.tree_of(self.head.entry if self.head else None)
        after = self.tree_of(entry)
        if before is None or after is None:
            return UNPROVED
        return loss(before, after, self.limits)

    def _refusal(self, entry: SpoolEntry, chain: Chain) -> str | None:
        life = Life(
            is_first=self.has_head is False,
            continues_head=chain.is_heads or chain.is_restored,
            is_whole=entry.note.is_whole,
            is_edited=entry.note.is_edited,
        )
        refused = refusal(life)
        if refused is not None and self.has_head is None:
            self.is_certain = False
        return refused
