"""Puts the versions of one session together again: decides, and writes nothing.

What facts say is done as they say. What they do not speak of, because nobody came to
write them or they are lost, gets a number behind all others, and becomes head only by
the rule that holds for every version. What cannot be proved is parked.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from expokeep.catalog.revival import (
    Carried,
    Revival,
    Revived,
    Shape,
    Standing,
)
from expokeep.model.digest import Digest
from expokeep.model.guard import Limits
from expokeep.model.tree import (
    Delta,
    Tree,
    file_count,
    files_in,
    size_bytes,
    tree_digest,
    validate,
)
from expokeep.rebuild.chains import Chains
from expokeep.rebuild.judging import Judge
from expokeep.rebuild.numbering import Epochs
from expokeep.rebuild.proving import Proved, Trees, changes
from expokeep.rebuild.said import as_said, revisions_of, state_of, teller_of
from expokeep.rebuild.telling import Told
from expokeep.rebuild.values import Doubt
from expokeep.rebuild.words import VersionWord, Words

ASIDE = "kept beside what was recorded after an older backup of Postgres came back"


@dataclass(slots=True)
class Planner:
    """Plans one session."""

    words: Words
    standing: Standing
    trees: Trees
    missing: Collection[Digest]
    """Contents that manifests name and that no pack holds."""
    limits: Limits
    doubts: list[Doubt] = field(default_factory=list)
    """What could not be had back as it was."""
    _epochs: Epochs = field(init=False)
    _chains: Chains = field(init=False)
    _judge: Judge = field(init=False)
    _carried: list[Carried] = field(default_factory=list)
    _decided: bool = False

    def plan(self, versions: Iterable[Told]) -> Revival:
        """Return what the session gets back."""
        self._epochs = Epochs(self.words, self.standing.epochs)
        self._chains = Chains(self.words, self.standing, self._epochs)
        self._judge = Judge(self._chains, self.trees, self.limits)
        # In order: a delta starts from what was before it.
        revived = tuple(
            one for told in self._sorted(versions) for one in self._one(told)
        )
        said = {told for told in self.words.versions if not self._is_gone(told)}
        for pack in sorted(said - self._chains.seqs.keys()):
            seq = self.words.versions[pack].body.seq
            self.doubts.append(
                Doubt(pack, seq, "no pack in the bucket tells it", is_lost=True)
            )
        return self._revival(revived)

    def _sorted(self, versions: Iterable[Told]) -> Iterator[Told]:
        """Yield those of facts by their numbers, then the others as they were made."""
        spoken: list[Told] = []
        silent: list[Told] = []
        unplaced: list[Told] = []
        for told in versions:
            if told.pack in self.words.versions:
                spoken.append(told)
            else:
                (silent if told.epoch else unplaced).append(told)
        yield from sorted(
            spoken,
            key=lambda told: (self.words.versions[told.pack].body.seq, told.pack),
        )
        # Made while nobody could be asked: their numbers say nothing, their ids when.
        waiting = sorted(unplaced, key=lambda told: told.pack, reverse=True)
        for told in sorted(silent, key=lambda told: (told.snap.seq, told.pack)):
            while waiting and waiting[-1].pack < told.pack:
                yield waiting.pop()
            yield told
        yield from reversed(waiting)

    def _one(self, told: Told) -> Iterator[Revived]:
        if self._chains.is_known(told.pack):
            return
        word = self.words.versions.get(told.pack)
        epoch = self._epoch(told, word)
        found = self._proved(told, word, epoch)
        if self._is_gone(told.pack):
            if found is not None:
                self._carry(told, word, epoch, found)
            return
        if word is None and self._is_repeated(told, epoch):
            return
        proved, doubt = self._whole(told, found, epoch)
        if proved is None:
            self.doubts.append(Doubt(told.pack, None, doubt or "", is_lost=True))
            return
        if word is not None and self._chains.has_grown(word, epoch, proved.base):
            epoch = self._epochs.put_aside(epoch)
        yield self._revived(told, word, epoch, (proved, doubt))

    def _carry(
        self, told: Told, word: VersionWord | None, epoch: int, found: Proved
    ) -> None:
        """Let the chain go through what was forgotten."""
        self._chains.carried[epoch] = told.pack
        self.trees.remember(told.pack, found.tree, self._chains.ends())
        seq = word.body.seq if word else told.snap.seq
        self._carried.append(Carried(found.teller, epoch, seq))

    def _is_gone(self, pack: uuid.UUID) -> bool:
        word = self.words.versions.get(pack)
        return self.words.is_gone or (word is not None and word.gone)

    def _epoch(self, told: Told, word: VersionWord | None) -> int:
        """Return the epoch whose chain a version is to continue."""
        if word is not None:
            known = word.life is not None and word.life in self.words.epochs
            number = (
                self._epochs.of_life(word.life)
                if known and word.life is not None
                else self._epochs.of_number(word.body.epoch)
            )
            return self._epochs.aside(number) or number
        if told.epoch or told.snap.full:
            # A chain that begins with a parent is one of a restored directory.
            return self._epochs.of_number(told.epoch, told.snap.parent)
        # Whichever chain it goes out from; the one that was begun last is tried first.
        carried = self._chains.carried
        proved = self.trees.proved(told, reversed(carried.values()))
        base = proved.base if proved else None
        found = [epoch for epoch, pack in carried.items() if pack == base]
        return found[0] if found else self._epochs.of_number(0)

    def _proved(
        self, told: Told, word: VersionWord | None, epoch: int
    ) -> Proved | None:
        bases = (self._chains.carried.get(epoch), word.parent if word else None)
        return self.trees.proved(told, [base for base in bases if base])

    def _is_repeated(self, told: Told, epoch: int) -> bool:
        """Return whether nothing is new: an upload that was begun once more."""
        tip = self._chains.tips.get(epoch)
        before = self.trees.of(tip.pack) if tip else None
        return before is not None and tree_digest(before) == told.snap.tree

    def _whole(
        self, told: Told, found: Proved | None, epoch: int
    ) -> tuple[Proved | None, str | None]:
        """Return a tree whose contents are all there, and what is wrong with it."""
        doubt = None
        if found is None:
            found = self.trees.guessed(told, self._chains.carried.get(epoch))
            doubt = "what it goes out from is not in the bucket"
        if self.missing:
            lost = {
                path
                for path, file in files_in(found.tree)
                if file.digest in self.missing
            }
            if lost:
                doubt = (
                    f"the contents of {len(lost)} of its files are not in the bucket"
                )
                tree = {
                    path: one for path, one in found.tree.items() if path not in lost
                }
                found = replace(found, tree=tree)
        if doubt is not None:
            try:
                validate(found.tree)
            except ValueError as error:
                return None, f"{doubt}, and without that it is no tree: {error}"
        return found, doubt

    def _revived(
        self,
        told: Told,
        word: VersionWord | None,
        epoch: int,
        found: tuple[Proved, str | None],
    ) -> Revived:
        proved, doubt = found
        parked = f"rebuilt, and not as it was: {doubt}" if doubt else None
        if parked is None and word is None:
            parked = self._judge.refused(epoch, proved)
        seq = self._chains.seq(told, word, epoch)
        revived = Revived(
            pack=told.pack,
            told_by=teller_of(told, word, proved),
            seq=seq,
            epoch=epoch,
            parent_seq=self._chains.parent(word, epoch, seq),
            taken_at=told.snap.at,
            shape=self._shape(told, epoch, proved.tree, is_proved=doubt is None),
            parked=parked or (ASIDE if self._epochs.is_aside(epoch) else None),
        )
        if word is not None:
            revived = as_said(revived, word)
        self._decided |= not revived.is_word
        if doubt is not None:
            self.doubts.append(Doubt(told.pack, seq, doubt))
        self._chains.note(revived)
        self.trees.remember(told.pack, proved.tree, self._chains.ends())
        leads = word is None and parked is None
        self._judge.note(revived, proved.tree, leads=leads)
        return revived

    def _shape(self, told: Told, epoch: int, tree: Tree, *, is_proved: bool) -> Shape:
        tip = self._chains.tips.get(epoch)
        before = self.trees.of(tip.pack) if tip else None
        return Shape(
            begins=before is None,
            delta=Delta(tree, frozenset()) if before is None else changes(before, tree),
            tree=told.snap.tree if is_proved else tree_digest(tree),
            # Counted and not believed: no digest proves what a pack says here.
            file_count=file_count(tree),
            size_bytes=size_bytes(tree),
        )

    def _revival(self, versions: tuple[Revived, ...]) -> Revival:
        seqs, judge = self._chains.seqs, self._judge
        used = {one.epoch for one in versions} | {
            self._epochs.of_life(life) for life in self.words.epochs
        }
        return Revival(
            was_last_seq=self.standing.last_seq,
            state=state_of(self.words),
            last_seq=self._chains.last_seq,
            head_seq=seqs.get(judge.head) if judge.head else None,
            epochs=tuple(
                one for one in self._epochs.fresh.values() if one.number in used
            ),
            versions=versions,
            revised=revisions_of(self.words, self.standing),
            carried=tuple(self._carried),
            labels={
                name: (seqs[word.pack], word.labelled_at)
                for name, word in self.words.labels.items()
                if word.pack in seqs
            },
            pinned=frozenset(seqs[pack] for pack in judge.pinned if pack in seqs),
            templates={
                name: (seqs[word.pack], word.labelled_at)
                for name, word in self.words.templates.items()
                if word.pack in seqs
            },
            decided=self._decided,
        )
