"""What a history asks beyond versions and trees, and who answers it."""

from collections.abc import Collection, Iterator
from typing import Protocol

from expokeep.catalog.past_values import Counts, Epoch, HookRun, Remark, State, Viewer
from expokeep.catalog.values import Found
from expokeep.errors import UsageError
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Version


class Past(Protocol):
    """Answers it. `catalog.past.PostgresPast` says what each method promises."""

    def remarks(self, session: SessionId, seqs: Collection[int]) -> dict[int, Remark]:
        """Return what was said of versions since they were recorded."""
        ...

    def counts(self, session: SessionId, seqs: Collection[int]) -> dict[int, Counts]:
        """Return how much versions changed against their parents."""
        ...

    def hooks(self, session: SessionId, seqs: Collection[int]) -> dict[int, HookRun]:
        """Return what came of the command on versions, without what it printed."""
        ...

    def hook(self, session: SessionId, seq: int) -> HookRun | None:
        """Return what came of the command on a version."""
        ...

    def epochs(self, session: SessionId) -> list[Epoch]:
        """Return the lives of a session's directory, newest first."""
        ...

    def chain(self, session: SessionId, seq: int, *, limit: int) -> list[Version]:
        """Return a version, its parent, and so on."""
        ...

    def lives(self, session: SessionId, path: bytes) -> list[State]:
        """Return all that a path ever was."""
        ...

    def holders(
        self,
        digest: Digest,
        viewer: Viewer,
        sessions: Collection[SessionId],
        *,
        limit: int,
    ) -> Iterator[Found]:
        """Yield where contents are kept, of what a viewer may see."""
        ...


def require_past(past: Past | None) -> Past:
    """Return who answers.

    Raises:
        UsageError: nobody does, because the bucket alone is asked.
    """
    if past is None:
        raise UsageError("only Postgres can tell this; leave --from-bucket out")
    return past
