"""Plans one session: brings together what facts, manifests and the catalog say."""

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from expokeep.catalog.revival import Revival, Standing
from expokeep.errors import NotFound
from expokeep.model.digest import Digest
from expokeep.model.guard import Limits
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree, files_in
from expokeep.model.version import Selector, VersionRef
from expokeep.pack.facts import Fact
from expokeep.pack.format import Manifest
from expokeep.rebuild.plan import Planner
from expokeep.rebuild.ports import ReadCatalog
from expokeep.rebuild.proving import Trees
from expokeep.rebuild.telling import Told, told
from expokeep.rebuild.values import Doubt
from expokeep.rebuild.words import words_of

Holds = Callable[[Collection[Digest]], Collection[Digest]]
"""Tells which of some contents are in a pack."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one session."""

    session: SessionId
    facts: Iterable[Fact]
    manifests: Iterable[Manifest]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Planned:
    """What a session gets back, and what is wrong with that."""

    revival: Revival
    doubts: tuple[Doubt, ...]
    unreadable: tuple[str, ...]
    """Facts that are not what we write."""


def planned(
    evidence: Evidence, holds: Holds, limits: Limits, catalog: ReadCatalog | None
) -> Planned:
    """Return what a session gets back."""
    words = words_of(evidence.facts)
    versions = told(evidence.manifests, words)
    named = _named(versions)
    planner = Planner(
        words=words,
        standing=evidence.standing,
        trees=Trees(_tree_of(evidence, catalog)),
        missing=named.difference(holds(named)) if named else frozenset(),
        limits=limits,
    )
    revival = planner.plan(versions)
    return Planned(revival, tuple(planner.doubts), tuple(words.unreadable))


def _named(versions: Iterable[Told]) -> frozenset[Digest]:
    return frozenset(
        entry.digest
        for one in versions
        for telling in one.tellings
        for _, entry in files_in(telling.snap.delta.set)
    )


def _tree_of(
    evidence: Evidence, catalog: ReadCatalog | None
) -> Callable[[uuid.UUID], Tree | None]:
    seqs = {one.pack: one.seq for one in evidence.standing.versions}

    def tree_of(pack: uuid.UUID) -> Tree | None:
        if catalog is None or pack not in seqs:
            return None
        ref = VersionRef(evidence.session, Selector(seq=seqs[pack]))
        try:
            return catalog.tree(catalog.resolve(ref))
        except NotFound:
            return None  # it was forgotten meanwhile

    return tree_of
