"""How much, as people read it. What is read back is `settings.units`."""

_UNITS = ("B", "KB", "MB", "GB", "TB")


def shown(size_bytes: int) -> str:
    """Return a size in the largest unit that keeps it at least 1; 1024-based.

    >>> shown(999), shown(1536), shown(80_919_356 * 1024)
    ('999 B', '1.5 KB', '77.2 GB')
    >>> shown(1024 * 1024 - 1), shown(1 << 60)
    ('1.0 MB', '1048576.0 TB')
    """
    amount, unit = float(size_bytes), 0
    # Compared as it will be written, so that nothing is ever shown as 1024.0 KB.
    while round(amount, 1) >= 1024 and unit < len(_UNITS) - 1:
        amount /= 1024
        unit += 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{size_bytes} B"
