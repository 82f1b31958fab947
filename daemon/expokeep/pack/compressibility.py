"""Which contents are worth compressing: by the end of their name, or by trying.

A wrong answer costs some time or some bytes, and nothing else.
"""

from expokeep.pack import zstd

_PROBED_BYTES = 64 * 1024
"""Less than this is not tried: it shares a frame, where it hardly shows."""
_WORTH = 0.95

_PACKED_ENDS = frozenset(
    b"png jpg jpeg gif webp avif heic heif jxl "
    b"mp3 m4a aac ogg opus flac mp4 m4v mov webm mkv avi "
    b"zip gz tgz bz2 xz zst br 7z rar jar aar apk aab ipa "
    b"woff woff2 docx xlsx pptx pdf".split()
)


def is_packed_already(path: bytes, head: bytes | memoryview) -> bool:
    r"""Return whether contents that start with `head` hardly get smaller.

    >>> is_packed_already(b"assets/icon.PNG", b""), is_packed_already(b"App.js", b"")
    (True, False)
    """
    _, dot, end = path.rpartition(b".")
    if dot and end.lower() in _PACKED_ENDS:
        return True
    if len(head) < _PROBED_BYTES:
        return False
    tried = zstd.compressed(memoryview(head)[:_PROBED_BYTES], level=1)
    return len(tried) > _WORTH * _PROBED_BYTES
