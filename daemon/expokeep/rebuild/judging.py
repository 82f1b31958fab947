"""Whether a version that no fact speaks of becomes head. Pure.

By the rule that holds for every version (`model.guard`), and only if its chain ends
where the version goes out from.
"""

import uuid
from dataclasses import dataclass, field

from expokeep.catalog.revival import Revived
from expokeep.model.guard import Life, Limits, is_edit, is_whole, loss, refusal
from expokeep.model.tree import Tree
from expokeep.rebuild.chains import Chains
from expokeep.rebuild.proving import Proved, Trees, changes

ELSEWHERE = "adopted, and its chain does not end where it goes out from"


@dataclass(slots=True)
class Judge:
    """Knows the head of a session, and moves it."""

    chains: Chains
    trees: Trees
    limits: Limits
    head: uuid.UUID | None = None
    pinned: set[uuid.UUID] = field(default_factory=set)
    """Heads that another epoch took the place of."""
    _head_tree: Tree | None = None

    def __post_init__(self) -> None:
        self.head = self.chains.head()

    def refused(self, epoch: int, proved: Proved) -> str | None:
        """Return why a version does not become head, in words."""
        tip = self.chains.tips.get(epoch)
        if tip is not None and proved.base not in (None, tip.pack):
            return ELSEWHERE
        before = self.trees.of(tip.pack) if tip else None
        before = before or {}
        fresh = self.chains.epochs.fresh.get(epoch)
        life = Life(
            is_first=self.head is None,
            continues_head=self._is_of_head(epoch)
            or (fresh is not None and fresh.base_seq is not None),
            is_whole=is_whole(proved.tree),
            is_edited=is_edit(before, changes(before, proved.tree)),
        )
        return refusal(life) or self._lost(before, proved.tree, epoch)

    def note(self, revived: Revived, tree: Tree, *, leads: bool) -> None:
        """Learn of a version; `leads` makes it head."""
        if leads:
            if self.head is not None and not self._is_of_head(revived.epoch):
                self.pinned.add(self.head)
            self.head = revived.pack
        if revived.pack == self.head:
            self._head_tree = tree

    def _is_of_head(self, epoch: int) -> bool:
        return self.head is not None and self.chains.epoch_of.get(self.head) == epoch

    def _lost(self, before: Tree, tree: Tree, epoch: int) -> str | None:
        lost = loss(before, tree, self.limits)
        if lost is None and self._is_of_head(epoch):
            head = self._head_tree
            if head is None and self.head is not None:
                head = self.trees.of(self.head)
            lost = loss(head or {}, tree, self.limits)
        return lost
