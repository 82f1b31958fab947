"""What a report on one pack means. Pure."""

from collections.abc import Collection

from expokeep.catalog.evidence import PackRow
from expokeep.check.reading import Report
from expokeep.check.values import Finding, Kind
from expokeep.model.digest import Digest


def missing(pack: PackRow, named: Collection[Digest]) -> Finding:
    """Return what it means that a pack has no object; `named` should be in it."""
    return Finding(
        "missing-object",
        f"the object is not there; {_contents(len(named))} should be in it",
        key=pack.key,
        pack=pack.id,
        session=pack.session,
        digests=frozenset(named),
    )


def findings(report: Report, named: Collection[Digest]) -> list[Finding]:
    """Return what is wrong with a pack that was read.

    Args:
        report: what is in it.
        named: the contents that the catalog looks for in it, as it is now.
    """
    if report.is_missing:
        return [missing(report.pack, named)]
    lost = frozenset(report.damaged).intersection(named)
    if report.size_bytes != report.pack.size_bytes:
        return [_resized(report, lost)]
    found = []
    if report.damaged:
        kind: Kind = "damaged-contents" if lost else "damaged-remains"
        found.append(_of(report.pack, kind, _lost(report), lost))
    if report.faults:
        detail = "; ".join(report.faults)
        found.append(_of(report.pack, "damaged-manifest", detail, frozenset()))
    if misplaced := frozenset(report.misplaced).intersection(named):
        detail = f"the catalog looks for {_contents(len(misplaced))} in a wrong place"
        found.append(_of(report.pack, "wrong-place", detail, misplaced))
    return found


def _resized(report: Report, lost: frozenset[Digest]) -> Finding:
    detail = (
        f"the object has {report.size_bytes} bytes and should have "
        f"{report.pack.size_bytes}; {_contents(len(lost))} are not in it"
    )
    return _of(report.pack, "wrong-size", detail, lost)


def _lost(report: Report) -> str:
    reason = next(iter(report.damaged.values()))
    return f"{_contents(len(report.damaged))} cannot be read: {reason}"


def _of(pack: PackRow, kind: Kind, detail: str, digests: frozenset[Digest]) -> Finding:
    return Finding(
        kind,
        detail,
        key=pack.key,
        pack=pack.id,
        session=pack.session,
        digests=digests,
    )


def _contents(count: int) -> str:
    return f"{count} content{'' if count == 1 else 's'}"


def doomed(pack: PackRow) -> Finding:
    """Return what it means that a doomed pack still has its object."""
    detail = f"doomed {pack.age_s / 3600:.0f} h ago, and still there"
    return _of(pack, "doomed-object", detail, frozenset())


def orphan(key: str, size_bytes: int) -> Finding:
    """Return what it means that an object belongs to no pack."""
    return Finding("orphan-object", f"{size_bytes} bytes that no row names", key=key)
