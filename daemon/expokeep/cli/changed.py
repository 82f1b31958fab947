"""How a change looks in a list."""

from expokeep.cli import text
from expokeep.history.documents import ChangeDocument
from expokeep.model import size


def change_line(change: ChangeDocument) -> str:
    """Return `M src/App.js` or `R old.js -> new.js`."""
    name = text.path(change.path)
    if change.old_path is not None:
        return f"{change.change} {text.path(change.old_path)} -> {name}"
    return f"{change.change} {name}"


def change_stat(change: ChangeDocument) -> str:
    """Return how much changed: lines of text, bytes otherwise, and the mode."""
    parts = [_amount(change)]
    if change.old_mode and change.mode and change.old_mode != change.mode:
        parts.append(f"mode {change.old_mode} -> {change.mode}")
    return ", ".join(filter(None, parts))


def _amount(change: ChangeDocument) -> str:
    if change.added_lines is not None and change.removed_lines is not None:
        return f"+{change.added_lines} -{change.removed_lines}"
    before, after = change.old_size_bytes, change.size_bytes
    if before == after:
        return ""
    return f"{size.shown(before or 0)} -> {size.shown(after or 0)}"
