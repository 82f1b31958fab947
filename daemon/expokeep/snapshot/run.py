"""Takes a snapshot: looks, decides, and seals what differs in the spool.

Bucket and catalog may be away: a snapshot that is sealed is not lost, and is shipped by
somebody else as soon as that is possible.
"""

import contextlib
from dataclasses import dataclass, field
from math import inf

from expokeep import clock
from expokeep.catalog.values import Host, Opened, RootIdentity, RootOwner
from expokeep.crash import point
from expokeep.errors import Busy, ExpokeepError, NotFound
from expokeep.log import get
from expokeep.model.names import SessionId
from expokeep.model.tree import Tree, patch, tree_digest
from expokeep.model.version import Selector, VersionRef
from expokeep.pack.reader import PackFile
from expokeep.snapshot import plan as plans
from expokeep.snapshot.alongside import Alongside
from expokeep.snapshot.bounding import bound, told
from expokeep.snapshot.capturing import Capturing
from expokeep.snapshot.contents import Directory, OnDisk
from expokeep.snapshot.keep import Keeping, Sealed, Tools
from expokeep.snapshot.look import Look, look
from expokeep.snapshot.memory import Memories, Memory
from expokeep.snapshot.outcome import Outcome
from expokeep.snapshot.plan import Patience, Plan
from expokeep.snapshot.ship import ForeignDirectory, Shipped, require_own
from expokeep.snapshot.values import Moment, Request
from expokeep.spool.spool import Note, Spool
from expokeep.worktree.index import Index
from expokeep.worktree.reading import KeptChanging
from expokeep.worktree.root import Root, opened, still_there

log = get(__name__)

UNTAKEN = ("not a file", "build too big")
"""Reasons for which a path does not stay as it was kept before."""


@dataclass(frozen=True, slots=True)
class Snapshotter:
    """Takes snapshots. One session is worked on by one thread at a time."""

    tools: Tools
    spool: Spool
    memories: Memories
    host: Host
    capturing: Capturing | None = None
    """What is taken of a directory between two snapshots of it."""

    def shipped(self, shipped: Shipped, note: Note) -> None:
        """Learn where an epoch stands after one of its versions was recorded."""
        self.memories.learn(_life_of(note), shipped.opened)
        if not self.spool.pending(note.session):
            self.memories.sweep(note.session)

    def doubt(self, note: Note) -> None:
        """Ask again where an epoch stands: shipping one of its versions failed."""
        memory = self.memories.known(note.session, _life_of(note))
        if memory is not None:
            memory.opened = None

    def settle_origin(self, note: Note) -> bool:
        """Tell the catalog what a directory was made of, if it could not be told then.

        What it was made of waited as well, and was recorded before this. Returns
        whether the directory stands elsewhere now than was known.
        """
        shelf, identity = self.memories.shelf, _life_of(note)
        life = (note.device, note.inode, note.birth_ns)
        pack = shelf.origins(note.session).get(life)
        if pack is None:
            return False
        catalog = self.tools.catalog
        with contextlib.suppress(NotFound, Busy):  # then it begins a chain of its own
            ref = VersionRef(note.session, Selector(pack=pack))
            seq = catalog.resolve(ref).seq
            catalog.register_restored(note.session, identity, self.host, seq=seq)
            log.info("directory continued", session=note.session, after=seq)
        shelf.drop_origin(note.session, life)
        return True

    def took(self, session: SessionId) -> None:
        """Learn that a session was taken for this host."""
        self.memories.taken(session)

    def disown(self, note: Note) -> None:
        """Forget a directory: what was sealed of it is no part of its session."""
        self.memories.forget(note.session, note.device, note.inode)
        if note.is_first:
            with contextlib.suppress(ExpokeepError):
                self.tools.catalog.abandon(note.session)

    def early(self, memory: Memory) -> Alongside:
        """Return what is taken early of a directory; all of it, up to now."""
        if self.capturing is None:
            return Alongside(None)
        self.capturing.settle()
        return Alongside(self.capturing.lives.of(memory.session, memory.identity))

    def snapshot(self, request: Request, moment: Moment) -> Outcome:
        """Keep a session as it is now, if it differs from what is kept.

        Raises:
            NotFound: the directory is gone.
            NoSpace: the spool is full.
        """
        with opened(request.directory) as root:
            memory = self.memory(request, root)
            return _Snapshot(self, request, moment, root, memory).run()

    def memory(self, request: Request, root: Directory) -> Memory:
        """Return what is remembered of a directory, and of its snapshots that wait."""
        identity = RootIdentity(root.device, root.inode, root.birth_ns)
        memory = self.memories.of(request.session, identity)
        memory.directory = request.directory
        if memory.opened is None:
            self._catch_up(memory)
        return memory

    def standing(
        self, request: Request, memory: Memory, root: Directory
    ) -> Opened | None:
        """Return where the epoch stands; None while the catalog cannot be asked.

        If what we remember is not that, we remember it from now on.

        Raises:
            ForeignDirectory: the session is another user's.
        """
        if self.spool.pending(request.session):
            return None
        if memory.opened is not None:
            return memory.opened
        try:
            found = self.tools.catalog.open_session(
                request.session,
                memory.identity,
                RootOwner(root.uid, root.gid, root.mode),
                self.host,
                owner=request.owner,
            )
            self._rebase(memory, found)
            require_own(found, root.uid)
        except ForeignDirectory:
            raise
        except ExpokeepError as error:
            # Down, closed to us, or the session is another host's: all of that is for
            # the one who ships. Here it must not keep us from keeping.
            log.debug("catalog not asked", error=str(error))
            return None
        self.memories.learn(memory.identity, found)
        return found

    def _rebase(self, memory: Memory, found: Opened) -> None:
        """Start from the catalog's tree if it is not the one that we remember."""
        is_restored = found.tip_seq is None and found.base_seq is not None
        if found.tip_pack == memory.index.pack and not is_restored:
            return
        start = found.tip_seq if found.tip_seq is not None else found.base_seq
        tree: Tree = {}
        if start is not None:
            ref = VersionRef(memory.session, Selector(seq=start))
            tree = self.tools.catalog.tree(self.tools.catalog.resolve(ref))
        memory.rebase(tree, found)

    def _catch_up(self, memory: Memory) -> None:
        """Add what was sealed before a crash and did not reach the index any more."""
        waiting = [
            entry
            for entry in self.spool.pending(memory.session)
            if _life_of(entry.note) == memory.identity
        ]
        packs = [entry.pack for entry in waiting]
        if memory.index.pack in packs:
            waiting = waiting[packs.index(memory.index.pack) + 1 :]
        for entry in waiting:
            with PackFile(entry.path_of(entry.note.packs[0])) as file:
                snap = file.manifest.snaps[0]
            before: Tree = {} if snap.full else memory.index.tree
            tree = patch(before, snap.delta)
            # Of a fold it may be a state in the middle that the index is of: what
            # became of that is told all the same, and the digest proves it.
            if tree_digest(tree) != snap.tree:
                return  # the index is of another chain: the catalog will tell
            memory.index = Index(entry.pack, tree, memory.index.known)


@dataclass(slots=True)
class _Snapshot:
    """One snapshot under way."""

    engine: Snapshotter
    request: Request
    moment: Moment
    root: Root
    memory: Memory
    early: Alongside = field(init=False)
    seen: Look = field(init=False)
    plan: Plan = field(init=False)
    believes_all: bool = False
    """Whether what is gone is meant to be gone."""

    def run(self) -> Outcome:
        """Look, decide, build, ship."""
        tools = self.engine.tools
        self.early = self.engine.early(self.memory)
        self.early.begin(self.memory.index)
        self.seen = look(
            self.root,
            self.memory.index,
            tools.policy,
            self.moment.now_ns,
            tools.builder.executor,
        )
        if not still_there(self.root, self.request.directory):
            # What we saw of a tree that is being removed is no tree.
            raise NotFound(f"{self.request.directory} went away")
        self.early.looked()
        point("after-scan")
        bound(self.seen, tools.policy, self.memory)
        self._decide()
        if not self.plan.delta and not self._asks_which:
            return self._unchanged()
        remembered = self.memory.index
        standing = self.engine.standing(self.request, self.memory, self.root)
        if self.memory.index is not remembered:
            self._decide()
        while self.plan.delta:
            keeping = Keeping(
                self.engine.tools,
                self.request,
                self.moment,
                self.root,
                self.memory,
                OnDisk(self.root),
            )
            try:
                return self._outcome(keeping.run(self.seen, self.plan, standing))
            except KeptChanging as error:
                self.seen.give_up_on(error.path)
                self._decide()
        return self._unchanged()

    @property
    def _asks_which(self) -> bool:
        """Whether a person wants to know which version this is, and we do not.

        Nothing of its own was recorded yet: perhaps it was restored from another one
        than the head.
        """
        return self.request.trigger == "save" and self.memory.index.pack is None

    def _unchanged(self) -> Outcome:
        index = self.memory.index
        self.memory.keep(Index(index.pack, index.tree, self.seen.known))
        return self._outcome(None)

    def _outcome(self, sealed: Sealed | None) -> Outcome:
        believed = None if self.believes_all else self.plan.believed
        self.early.kept(*told(self.memory.index, self.seen, believed))
        now_s, due_s = clock.monotonic_s(), self.plan.due_s
        return Outcome(
            sealed=sealed,
            opened=self.memory.opened,
            took_s=now_s - self.moment.monotonic_s,
            set_count=len(self.plan.delta.set),
            gone_count=len(self.plan.delta.gone),
            skipped=self.seen.skipped,
            excluded_count=self.seen.excluded_count,
            wake_in_s=None if due_s is None else max(0.0, due_s - now_s),
            pack=self.memory.index.pack,
        )

    def _decide(self) -> None:
        # Not even a person means what goes while everything goes.
        self.believes_all = (
            self.request.believes_deletions and not self.early.is_vanishing
        )
        policy = self.engine.tools.policy
        grace_s = 0 if self.believes_all else policy.deletion_grace_s
        self.plan = plans.decide(
            self.memory.index.tree,
            self.seen.entries,
            {path for path, why in self.seen.skipped.items() if why not in UNTAKEN},
            {**self.memory.missing_since_s, **dict.fromkeys(self.seen.left_out, -inf)},
            Patience(self.moment.monotonic_s, grace_s),
        )
        self.memory.missing_since_s = self.plan.missing_since_s


def _life_of(note: Note) -> RootIdentity:
    return RootIdentity(note.device, note.inode, note.birth_ns)
