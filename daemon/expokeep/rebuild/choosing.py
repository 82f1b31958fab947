"""Which version words mean, without a database. Pure.

The same rules as those of the catalog's queries; a test holds the two together.
"""

from collections.abc import Mapping, Sequence

from expokeep import clock
from expokeep.model.version import Selector, Version


def chosen(
    versions: Sequence[Version],
    head: Version | None,
    labels: Mapping[str, int],
    selector: Selector,
) -> Version | None:
    """Return the version that is meant; `versions` come by ascending numbers."""
    numbered = {one.seq: one for one in versions}
    if selector.seq is not None:
        return numbered.get(selector.seq)
    if selector.label is not None:
        return numbered.get(labels.get(selector.label, 0))
    if selector.pack is not None:
        return next((one for one in versions if one.pack == selector.pack), None)
    if selector.at is not None or selector.age is not None:
        return _taken_by(versions, selector)
    if selector.is_good and (head is None or head.parked is not None):
        return next((one for one in reversed(versions) if one.parked is None), None)
    found = head
    for _ in range(selector.back or 0):
        found = numbered.get(found.parent or 0) if found else None
    return found


def _taken_by(versions: Sequence[Version], selector: Selector) -> Version | None:
    at = selector.at
    if at is None and selector.age is not None:
        at = clock.now() - selector.age
    before = [one for one in versions if at is not None and one.taken_at <= at]
    return max(
        before,
        key=lambda one: (one.parked is None, one.taken_at, one.seq),
        default=None,
    )
