"""What a request sends: a file, read once, block by block."""

import io
from typing import BinaryIO

from expokeep.store.base import HighWater, Progress


class Body:
    """Contents that boto3 reads, and reads again when it has to repeat a request.

    Blocks rather than one piece of bytes, because a socket counts its timeout over the
    whole of what it is given: a slow line would never get 16 MiB through in time.
    """

    def __init__(
        self, stream: BinaryIO | io.BytesIO, progress: Progress | None
    ) -> None:
        self._stream = stream
        self._mark = HighWater(progress)

    def read(self, size_bytes: int = -1) -> bytes:
        """Return the next block."""
        block = self._stream.read(size_bytes)
        # A block counts when the next one is asked for: then it has been sent.
        self._mark.reached(self._stream.tell() - len(block))
        return block

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; a repeated request starts at the first byte again."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the place of the next block."""
        return self._stream.tell()
