import io
import tarfile

import pytest

from expokeep.pack.format import PackDamaged
from expokeep.pack.member import END_OF_TAR, header, padding, sole_contents


@pytest.mark.parametrize("size_bytes", [0, 1, 511, 512, 513])
def test_a_member_fills_whole_blocks(size_bytes: int) -> None:
    start = header(b"a", size_bytes, mode=0o644, mtime_ns=0)

    assert len(start) == 512
    assert (size_bytes + len(padding(size_bytes))) % 512 == 0
    assert len(padding(size_bytes)) < 512


@pytest.mark.parametrize(
    ("path", "size_bytes", "mtime_ns"),
    [
        (b"a" * 100, 8**11 - 1, 999_999_999),
        (b"d/" * 50 + b"a", 0, 0),
        (b"caf\xc3\xa9", 1, -1),
        (b"caf\xe9\xff", 1, 10**18),
        (b"a\nb=c", 8**11, 10**9 * 8**11),
    ],
)
def test_any_header_is_read_by_tarfile(
    path: bytes, size_bytes: int, mtime_ns: int
) -> None:
    raw = header(path, size_bytes, mode=0o751, mtime_ns=mtime_ns)

    with tarfile.open(fileobj=io.BytesIO(raw + END_OF_TAR)) as tar:
        member = tar.next()
    assert member is not None
    assert member.name.encode("utf-8", "surrogateescape") == path
    assert member.isreg()
    assert (member.size, member.mode) == (size_bytes, 0o751)
    assert member.mtime == mtime_ns // 10**9
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")


def test_the_only_member_is_found() -> None:
    raw = header(b"m", 3, mode=0o644, mtime_ns=0) + b"abc" + padding(3)

    assert sole_contents(raw, b"m") == b"abc"


def test_what_is_not_the_only_member_is_damage() -> None:
    raw = header(b"m", 3, mode=0o644, mtime_ns=0) + b"abc" + padding(3)
    cases = [b"", raw[:-1], raw + raw, raw.replace(b"00003", b"0000x"), raw[512:]]
    cases.append(raw.replace(b"m", b"n", 1))
    cases.append(raw.replace(b"00000000003\0", b"77777777777\0"))

    for case in cases:
        with pytest.raises(PackDamaged):
            sole_contents(case, b"m")
