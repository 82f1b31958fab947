"""The shape in which contents travel: read once, in order, before the next one."""

from collections.abc import Iterable

from expokeep.model.digest import Digest

Chunk = bytes | memoryview

Blob = tuple[Digest, int, Iterable[Chunk]]
"""Contents: their digest, their size in bytes, and their bytes."""
