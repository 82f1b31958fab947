"""The JSON contract of `blame`. Fields are only added."""

import msgspec

from expokeep.history.documents import Document
from expokeep.model.documents import VersionDocument


class BlamedLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a file, and the version that brought it."""

    seq: int
    text: str
    """Without its newline."""
    path: str | None = None
    """What the file was called then, if that was something else."""


class Blame(Document, frozen=True, kw_only=True, tag="blame"):
    """Whose each line of a file is."""

    version: VersionDocument
    """The one whose file it is."""
    path: str
    lines: tuple[BlamedLine, ...]
    versions: tuple[VersionDocument, ...]
    """Those that the lines name, oldest first."""
    truncated: bool = False
    """There is more history than was looked at: lines of the oldest may be older."""
