"""Where the chains of a session end while its versions are put together. Pure."""

import uuid
from dataclasses import dataclass, field

from expokeep.catalog.revival import Revived, Standing
from expokeep.rebuild.numbering import Epochs
from expokeep.rebuild.telling import Told
from expokeep.rebuild.words import VersionWord, Words

MOST_SKIPPED = 1_000_000
"""So many numbers may a manifest leave out before it is not believed."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest version of an epoch's chain that is kept."""

    pack: uuid.UUID
    seq: int


@dataclass(slots=True)
class Chains:
    """Numbers of versions, and the ends of their chains."""

    words: Words
    standing: Standing
    epochs: Epochs
    tips: dict[int, Tip] = field(default_factory=dict)
    carried: dict[int, uuid.UUID] = field(default_factory=dict)
    """Where the chain of an epoch really ends: perhaps with what was forgotten."""
    seqs: dict[uuid.UUID, int] = field(default_factory=dict)
    epoch_of: dict[uuid.UUID, int] = field(default_factory=dict)
    last_seq: int = 0
    _taken: set[int] = field(default_factory=set)
    _known: frozenset[uuid.UUID] = frozenset()

    def __post_init__(self) -> None:
        for one in sorted(self.standing.versions, key=lambda one: one.seq):
            self._take(one.pack, one.seq, one.epoch)
        self._known = frozenset(self.seqs)
        spoken = self.words.session.last_seq if self.words.session else 0
        self.last_seq = max(self.last_seq, self.standing.last_seq, spoken)

    def head(self) -> uuid.UUID | None:
        """Return the version that is head: by the facts, or by the catalog."""
        if self.words.head is not None:
            return self.words.head
        packs = {seq: pack for pack, seq in self.seqs.items()}
        return packs.get(self.standing.head_seq or 0)

    def seq(self, told: Told, word: VersionWord | None, epoch: int) -> int:
        """Return the number of a version: its own if that is free."""
        tip = self.tips.get(epoch)
        if word is not None:
            said = word.body.seq
            is_free = said not in self._taken and said > (tip.seq if tip else 0)
            # Of two that were given one number the last one keeps it.
            if is_free and self.words.packs.get(said) == told.pack:
                return said
            return self.last_seq + 1
        # A hint is believed a little way: whoever wrote the pack may be hostile.
        hint = told.snap.seq if told.epoch else 0
        is_near = hint <= self.last_seq + MOST_SKIPPED
        return max(self.last_seq + 1, hint if is_near else 0)

    def parent(self, word: VersionWord | None, epoch: int, seq: int) -> int | None:
        """Return the number of the version that a version follows."""
        if word is None:
            tip, fresh = self.tips.get(epoch), self.epochs.fresh.get(epoch)
            found = tip.seq if tip else (fresh.base_seq if fresh else None)
        elif word.parent in self.seqs:
            found = self.seqs[word.parent]
        else:
            found = word.body.parent_seq
        return found if found is not None and found < seq else None

    def has_grown(self, word: VersionWord, epoch: int, base: uuid.UUID | None) -> bool:
        """Return whether an epoch went another way in the catalog meanwhile."""
        tip = self.tips.get(epoch)
        if tip is None or tip.pack not in self._known:
            return False
        return tip.pack not in (word.parent, base)

    def ends(self) -> frozenset[uuid.UUID]:
        """Return the versions that others may still go out from."""
        tips = (tip.pack for tip in self.tips.values())
        return frozenset((*tips, *self.carried.values()))

    def note(self, revived: Revived) -> None:
        """Let the chain of an epoch end with a version."""
        self._take(revived.pack, revived.seq, revived.epoch)

    def is_known(self, pack: uuid.UUID) -> bool:
        """Return whether a version has its number already."""
        return pack in self.seqs

    def _take(self, pack: uuid.UUID, seq: int, epoch: int) -> None:
        self.seqs[pack] = seq
        self.epoch_of[pack] = epoch
        self._taken.add(seq)
        self.last_seq = max(self.last_seq, seq)
        self.tips[epoch] = Tip(pack, seq)
        self.carried[epoch] = pack
