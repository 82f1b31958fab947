"""Whose right it is to move the head of a session, as an entry finds it. Pure.

One host holds a session at a time. What another host records is kept as well, beside
the head: a directory that appears somewhere must never bury what is worked on here.
"""

from expokeep.catalog.values import Host, Opened
from expokeep.spool.entry import Note


def beside(note: Note, opened: Opened, host: Host) -> str | None:
    """Return why a version must not become head on this host, or None if it may.

    It may as well if the one who holds the session is dead: then it is to be taken.
    """
    holder = opened.holder
    if holder is None:
        return None
    if opened.is_ours:
        if _is_late(note, opened):
            return "recorded after another host took the session over"
        return None
    if opened.was_ours and (holder.alive or _is_late(note, opened)):
        return (
            f"recorded by host {host.name} after host {holder.name} took the session "
            "over"
        )
    return f"host {holder.name} holds this session" if holder.alive else None


def _is_late(note: Note, opened: Opened) -> bool:
    """Return whether somebody took the session after a snapshot was sealed here.

    What was recorded there since is newer, whatever the clocks of the two say. While
    nothing was, and the head is still of this epoch, there is nothing to bury.
    """
    if opened.epoch == opened.head_epoch:
        return False
    if note.fence is None:
        return opened.was_ours
    # To take it from the one who held it then counts as well, and makes nothing late.
    own_taking = opened.is_ours and not note.is_holder
    return opened.fence > note.fence + own_taking
