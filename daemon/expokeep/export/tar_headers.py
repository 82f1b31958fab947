"""What a tar says of its members, before `tarfile` believes any of it.

Python's reader takes quadratic time for some headers, holds on to whatever is said for
all members, and takes a damaged member for the end. So each description is looked at
first, and its size and what it is made of are bounded.
"""

import contextlib
import re
import tarfile
from collections.abc import Iterator
from typing import IO, Any, Self, cast

from expokeep.export.incoming import ImportRefused

_ONE_BYTES = 1024 * 1024
"""Of what tar says of one member beside its header: names, times."""
_ALL_BYTES = 64 * 1024 * 1024
"""The same, of all members."""
_MOST_IN_A_ROW = 8
"""Descriptions of one member: `tarfile` holds each until it has read the last."""
_MOST_FOR_ALL = 1000
"""Words that a tar says once for all that follow; each member has a copy of them."""
_MOST_DIGITS = 256
"""In a row: `tarfile` tries each of them as the beginning of something."""
_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")


class Described(tarfile.TarFile):
    """A tar, and what it may still say of its members."""

    bytes_left = _ALL_BYTES
    in_a_row = 0
    words_left = _MOST_FOR_ALL


class Header(tarfile.TarInfo):
    """A member whose own description is there, and bearable."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        """Return the next member; `tarfile` takes one that is damaged for the end.

        Then whatever follows would be lost, and nobody told.
        """
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            says_so = isinstance(error, cast("Any", tarfile).EOFHeaderError)
            if says_so or not cast("Any", tar).offset:
                raise  # it ends as it should, or is none at all
            raise ImportRefused("it is damaged, or ends too early") from error

    def _proc_gnulong(self, tar: Any) -> Any:
        self._require_short(tar)
        with _one_more(tar):
            return super()._proc_gnulong(tar)  # type: ignore[misc] # a hook of tarfile

    def _proc_pax(self, tar: Any) -> Any:
        self._require_short(tar)
        stream = tar.fileobj
        raw = stream.read(self._block(self.size))  # type: ignore[attr-defined] # its own
        words = _words_in(raw[: self.size])
        if self.type == tarfile.XGLTYPE:
            tar.words_left -= words
        if tar.words_left < 0:
            raise ImportRefused("it says more of all members than anybody needs")
        tar.fileobj = _Ahead(raw, stream)
        try:
            with _one_more(tar):
                return super()._proc_pax(tar)  # type: ignore[misc] # a hook of tarfile
        finally:
            tar.fileobj = stream

    def _proc_sparse(self, *_: Any) -> Any:
        raise ImportRefused("it has a sparse file")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_sparse

    def _require_short(self, tar: Any) -> None:
        if not 0 <= self.size <= _ONE_BYTES:
            raise ImportRefused("a member says more of itself than anybody needs")
        tar.bytes_left -= self.size
        if tar.bytes_left < 0:
            raise ImportRefused("its members say more of themselves than anybody needs")


@contextlib.contextmanager
def _one_more(tar: Any) -> Iterator[None]:
    """Count a description while what it describes is being read."""
    if tar.in_a_row >= _MOST_IN_A_ROW:
        raise ImportRefused("a member says more of itself than anybody needs")
    tar.in_a_row += 1
    try:
        yield
    finally:
        tar.in_a_row -= 1


class _Ahead:
    """A stream of which something was read already."""

    def __init__(self, ahead: bytes, stream: IO[bytes]) -> None:
        self._ahead: bytes | None = ahead
        self._stream = stream

    def read(self, size_bytes: int) -> bytes:
        """Return what was read already, once; then what follows."""
        ahead, self._ahead = self._ahead, None
        return self._stream.read(size_bytes) if ahead is None else ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _words_in(raw: bytes) -> int:
    """Return how many words there are: each its length, `name=value`, a line feed.

    Raises:
        ImportRefused: they are not of this form, from the first byte to the last.
    """
    words, at = 0, 0
    while at < len(raw):
        length = _LENGTH.match(raw, at)
        end = at + int(length[1]) if length else 0
        if length is None or not length.end() < end <= len(raw) or raw[end - 1] != 10:
            raise ImportRefused("what it says of a member is damaged")
        if b"=" not in raw[length.end() : end]:
            raise ImportRefused("what it says of a member is damaged")
        words, at = words + 1, end
    digits = re.findall(rb"[0-9]+", raw)
    if max(map(len, digits), default=0) > _MOST_DIGITS:
        raise ImportRefused("what it says of a member is a number of no use")
    return words
