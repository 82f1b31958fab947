"""The shape in which contents travel: read once, in order, before the next one."""

from collections.abc import Iterable

from expokeep.model.digest import Digest

Blob = tuple[Digest, int, Iterable[bytes | memoryview]]
"""Contents: their digest, their size in bytes, and their bytes."""
