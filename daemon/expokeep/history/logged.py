"""A version as lists show it: with what was said of it since it was recorded."""

from collections.abc import Sequence

import msgspec

from expokeep.catalog.past_values import Counts, Remark
from expokeep.history.hooked import HookMark, hook_mark
from expokeep.history.past import Past, require_past
from expokeep.model.documents import VersionDocument, version_document
from expokeep.model.version import Version


class CountsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How much a version changed against its parent: files and links."""

    added: int = 0
    modified: int = 0
    deleted: int = 0
    renamed: int = 0
    changed_bytes: int = 0


class OriginDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The version that what a version has came from."""

    session: str
    seq: int


class LoggedVersion(VersionDocument, frozen=True, kw_only=True):
    """A version, and what was said of it since."""

    labels: tuple[str, ...] = ()
    is_pinned: bool = False
    counts: CountsDocument | None = None
    """Only where they were asked for."""
    origin: OriginDocument | None = None
    """Only to whoever may see that session as well."""
    hook: HookMark | None = None
    """How the command on it ended, if one was run: see `hooks` in the settings."""


def logged(
    versions: Sequence[Version], past: Past | None, *, with_counts: bool = False
) -> list[LoggedVersion]:
    """Return versions of one session, each with what was said of it.

    Raises:
        UsageError: counts are wanted, and the bucket alone is asked.
    """
    if not versions:
        return []
    session, seqs = versions[0].session, [version.seq for version in versions]
    remarks = past.remarks(session, seqs) if past else {}
    hooks = past.hooks(session, seqs) if past else {}
    counts = require_past(past).counts(session, seqs) if with_counts else None
    found = [
        _logged(version, remarks.get(version.seq, Remark()), counts)
        for version in versions
    ]
    return [
        msgspec.structs.replace(one, hook=hook_mark(hooks.get(one.seq)))
        for one in found
    ]


def _logged(
    version: Version, remark: Remark, counts: dict[int, Counts] | None
) -> LoggedVersion:
    told = CountsDocument()
    if counts is not None and (found := counts.get(version.seq)) is not None:
        told = CountsDocument(
            added=found.added,
            modified=found.modified,
            deleted=found.deleted,
            renamed=found.renamed,
            changed_bytes=found.changed_bytes,
        )
    return LoggedVersion(
        **msgspec.structs.asdict(version_document(version)),
        labels=remark.labels,
        is_pinned=remark.is_pinned,
        counts=None if counts is None else told,
        origin=_origin(version),
    )


def _origin(version: Version) -> OriginDocument | None:
    if version.origin is None:
        return None
    return OriginDocument(session=version.origin.session, seq=version.origin.seq)
