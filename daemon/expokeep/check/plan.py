"""Decides what is wrong, given what the catalog names and what the bucket lists. Pure.

A listing and a query are of different moments, and sessions are kept meanwhile. So what
is said here is a suspicion, until whoever acts has asked again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from expokeep.catalog.evidence import PackRow
from expokeep.check.values import Finding

DOOMED_FOR_S = 3600.0
"""A doomed pack whose object is still there after this long was left behind."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between the catalog and the bucket."""

    missing: tuple[PackRow, ...]
    """Should have an object, and has none."""
    resized: tuple[tuple[PackRow, int], ...]
    """Has an object of another size: this one."""
    doomed: tuple[PackRow, ...]
    """Should have gone, and is still there."""
    strange: tuple[str, ...]
    """Objects that no pack has for a key."""


def compare(packs: Iterable[PackRow], listed: Mapping[str, int]) -> Comparison:
    """Return what differs.

    Args:
        packs: rows of the catalog.
        listed: sizes of the objects in the same part of the bucket, by key.
    """
    missing, resized, doomed, named = [], [], [], set()
    for pack in packs:
        named.add(pack.key)
        found_bytes = listed.get(pack.key)
        if needs_object(pack):
            if found_bytes is None:
                missing.append(pack)
            elif found_bytes != pack.size_bytes:
                resized.append((pack, found_bytes))
        elif is_left_behind(pack) and found_bytes is not None:
            doomed.append(pack)
    strange = sorted(listed.keys() - named)
    return Comparison(tuple(missing), tuple(resized), tuple(doomed), tuple(strange))


def needs_object(pack: PackRow) -> bool:
    """Return whether anybody could miss the object of a pack.

    An intent's may be there or not, and that of a pack on its way out, too, as soon as
    nobody counts on it any more; unless contents are looked for in it all the same.
    """
    if pack.is_named or pack.tells or pack.state == "live":
        return True
    return pack.state == "retired" and pack.is_counted_on


def is_left_behind(pack: PackRow) -> bool:
    """Return whether the object of a pack should have been deleted by now."""
    return pack.state == "doomed" and pack.age_s > DOOMED_FOR_S


def wrong_states(packs: Iterable[PackRow]) -> Iterable[Finding]:
    """Yield the packs that are not what others take them for."""
    for pack in packs:
        if not pack.is_readable and (pack.is_named or pack.tells):
            what = "holds contents" if pack.is_named else "tells a version"
            yield Finding(
                "wrong-state",
                f"the pack {what}, and its row says that it is {pack.state}",
                key=pack.key,
                pack=pack.id,
                session=pack.session,
            )
