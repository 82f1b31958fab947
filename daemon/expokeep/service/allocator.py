"""Keeps the C library from hoarding memory for each of our threads."""

import ctypes

_M_ARENA_MAX = -8
_ARENAS = 2


def settle() -> None:
    """Let all threads share two arenas instead of having up to eight per core.

    A thread that once held 64 MB of a large file would keep them in its own arena:
    after the save and the restore of 330 MB the daemon had 433 MB, with two arenas 235.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has no arenas, and no such function
        mallopt(_M_ARENA_MAX, _ARENAS)
