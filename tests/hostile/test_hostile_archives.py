"""Archives of strangers that are made to do harm: bounded, refused, and not a trace.

What is refused for its names and kinds alone is in tests/unit/export; here is what
costs time and memory, what two readers read differently, and what a real file does.
"""

import contextlib
import gzip
import io
import os
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from expokeep.errors import ExpokeepError, QuotaExceeded
from expokeep.export.heap import heap
from expokeep.export.incoming import Bounds, ImportRefused, Incoming
from expokeep.export.unarchiving import unarchived
from expokeep.model.tree import Directory, Entry, File, Link
from expokeep.pack import zstd
from hostile.forging import bomb, tar_member
from measuring import at_most

BOUNDS = Bounds(max_bytes=8 << 20, max_file_bytes=4 << 20, max_entries=2000)
MIB = 1 << 20
END = bytes(1024)
FINE = tar_member(b"App.js", b"1")


def came(tmp_path: Path, archive: bytes) -> tuple[dict[bytes, Entry], dict]:
    """Take an archive from a real file, as the command does; nothing may stay."""
    source = tmp_path / "archive"
    source.write_bytes(archive)
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    try:
        with heap(scratch) as held, source.open("rb") as file:
            incoming = Incoming(held, BOUNDS)
            unarchived(file, incoming)
            return incoming.tree(), incoming.skipped
    finally:
        assert os.listdir(scratch) == []


def refused(tmp_path: Path, archive: bytes) -> ExpokeepError:
    with pytest.raises((ImportRefused, QuotaExceeded)) as error:
        came(tmp_path, archive)
    assert error.value.exit_code in (13, 15)
    assert "\x1b" not in str(error.value)
    return error.value


@contextlib.contextmanager
def few_steps(most: int):
    """Fail if more lines of Python are run than so many: a bound, and no clock."""
    count = 0

    def trace(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        assert count < most, f"more than {most} steps"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


# --- tar ---------------------------------------------------------------------------


def pax(raw: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Return an extended header that says just these bytes."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = kind, len(raw)
    return info.tobuf(tarfile.USTAR_FORMAT) + raw + bytes(-len(raw) % 512)


def word(name: bytes, value: bytes) -> bytes:
    rest = b" " + name + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def member(kind: bytes, linkname: str = "", size: int = 0, name: str = "x") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, linkname, size
    return info.tobuf(tarfile.GNU_FORMAT)


def raw_size(size: bytes) -> bytes:
    """Return a header whose size is whatever a test says, the checksum right."""
    header = bytearray(member(tarfile.REGTYPE))
    header[124:136] = size.ljust(12, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


SLOW = {
    "digits that may begin a word": pax(word(b"comment", b"1" * 900_000)),
    "digits that are a word's length": pax(b"1" * 900_000),
    "words of one byte": pax(b"1 " * 450_000 + b"="),
    "words that overlap": pax(b"5 a=\n" * 100_000 + b"3 a=" * 100),
    "words for all": pax(
        b"".join(word(b"k%d" % n, b"") for n in range(50_000)), tarfile.XGLTYPE
    ),
    "a sparse map of millions": pax(
        word(b"GNU.sparse.major", b"1") + word(b"GNU.sparse.minor", b"0")
    )
    + raw_size(b"00030000000")
    + b"3000000\n"
    + b"0\n" * 3_000_000,
    "a sparse map in a word": pax(word(b"GNU.sparse.map", b"0,0," * 1000 + b"0,0"))
    + FINE,
    "sparse as of old": pax(
        word(b"GNU.sparse.size", b"9") + word(b"GNU.sparse.numblocks", b"1")
    )
    + FINE,
    "headers of headers": pax(word(b"path", b"x")) * 2000 + FINE,
    "long names of long names": (
        member(tarfile.GNUTYPE_LONGNAME, size=2) + b"x".ljust(512, b"\0")
    )
    * 2000
    + FINE,
    "descriptions without end": pax(word(b"comment", b"x" * 1_000_000)) * 70 + FINE,
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.timeout(60)
def test_a_tar_takes_no_more_time_and_memory_than_it_is_worth(tmp_path, name):
    with at_most(256 * MIB), few_steps(2_000_000):
        refused(tmp_path, SLOW[name] + END)


ODD = {
    "a sparse file": member(tarfile.GNUTYPE_SPARSE, size=0),
    "a negative size": raw_size(b"\xff" * 12),
    "a size of a terabyte": raw_size(b"\x80" + (1 << 40).to_bytes(11, "big")),
    "a size of no number": raw_size(b"zzzzzzzzzzz"),
    "a word that says another size": pax(word(b"size", b"9" * 18)) + FINE,
    "a word that says a negative size": pax(word(b"size", b"-512")) + FINE,
    "a word that says another name": pax(word(b"path", b"/etc/evil")) + FINE,
    "a word that climbs": pax(word(b"path", b"a/../../evil")) + FINE,
    "a word with a NUL in a name": pax(word(b"path", b"a\0b")) + FINE,
    "a word for all that renames all": pax(word(b"path", b"a"), tarfile.XGLTYPE)
    + FINE
    + tar_member(b"b", b"2"),
    "a hard link to a link": member(tarfile.SYMTYPE, "App.js", name="l")
    + member(tarfile.LNKTYPE, "l", name="h")
    + FINE,
    "a hard link to what comes later": member(tarfile.LNKTYPE, "App.js", name="h")
    + FINE,
    "a hard link that climbs": member(tarfile.LNKTYPE, "../../etc/passwd") + FINE,
    "a file where a link is": member(tarfile.SYMTYPE, "/etc", name="d")
    + member(tarfile.SYMTYPE, "App.js", name="e")
    + tar_member(b"e", b"evil"),
    "below a link": member(tarfile.SYMTYPE, "src", name="d")
    + tar_member(b"d/evil", b"evil"),
    "a link with a name of no end": pax(word(b"linkpath", b"x" * 5000))
    + member(tarfile.SYMTYPE)
    + FINE,
    "a continuous volume": member(b"M") + FINE,
    "a kind that is not known": member(b"Z") + FINE,
    "a socket": member(b"s") + FINE,
    "a time of no number": pax(word(b"mtime", b"nan")) + member(b"6"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_tar_is_refused(tmp_path, name):
    refused(tmp_path, ODD[name] + END)


TIMES = [b"nan", b"inf", b"-1e300", b"1e18", b"1e308", b"-0", b"x", b"9" * 200]


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_no_disk_knows_is_some_time_or_refused(tmp_path, time):
    try:
        tree, _ = came(tmp_path, pax(word(b"mtime", time)) + FINE + END)
    except ImportRefused:
        return
    entry = tree[b"App.js"]
    assert isinstance(entry, File)
    assert 0 <= entry.mtime_ns <= 2**62


def test_owners_of_no_machine_are_nobodys_business(tmp_path):
    ids = word(b"uid", b"-1") + word(b"gid", b"%d" % 2**64) + word(b"uname", b"root")

    tree, _ = came(tmp_path, pax(ids) + FINE + END)

    assert list(tree) == [b"App.js"]


@pytest.mark.parametrize("mode", [0o4755, 0o2777, 0o1777, 0o7000, 0o4000755])
def test_no_bits_beyond_the_nine_come_with_a_member(tmp_path, mode):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, kind in (("d", tarfile.DIRTYPE), ("d/run", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            tar.addfile(info)
    packed = zipped(("a", b"1"))
    packed = listed(packed, 38, struct.pack("<L", (0o100000 | mode & 0o7777) << 16))
    packed = listed(packed, 5, b"\3")  # made on Unix, so that the mode counts

    for archive in (made.getvalue(), packed):
        tree, _ = came(tmp_path, archive)
        modes = [one.mode for one in tree.values() if not isinstance(one, Link)]
        assert modes
        assert not [one for one in modes if one & ~0o777]


def test_names_that_differ_in_case_alone_stay_two(tmp_path):
    tar = tar_member(b"app.js", b"lower") + tar_member(b"APP.JS", b"upper") + END

    for archive in (tar, zipped(("app.js", b"lower"), ("APP.JS", b"upper"))):
        tree, _ = came(tmp_path, archive)
        assert sorted(tree) == [b"APP.JS", b"app.js"]


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_compressed_bomb_costs_no_more_than_its_bound(tmp_path, form):
    folded = bomb(1 << 30) if form == "zstd" else gzip.compress(bytes(64 * MIB), 9)

    with at_most(256 * MIB):
        refused(tmp_path, folded)


def test_a_window_of_gigabytes_is_refused(tmp_path):
    made = bytearray(zstd.compressed(os.urandom(300_000), 1))
    made[4] = 0b10000100  # no single segment: a window, and four bytes of size
    made[5:9] = bytes([(31 - 10) << 3]) + struct.pack("<I", 300_000)

    refused(tmp_path, bytes(made))


# --- zip ---------------------------------------------------------------------------


def zipped(*members: tuple[str, bytes], comment: bytes = b"") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            archive.writestr(zipfile.ZipInfo(name), body)
        archive.comment = comment
    return made.getvalue()


def end_of(archive: bytes, **about: int) -> bytes:
    """Return a zip whose end says something else."""
    at = archive.rindex(b"PK\x05\x06")
    fields = list(struct.unpack("<4s4H2LH", archive[at : at + 22]))
    for name, value in about.items():
        fields[["", "", "", "here", "all", "size", "offset", "comment"].index(name)] = (
            value
        )
    return archive[:at] + struct.pack("<4s4H2LH", *fields) + archive[at + 22 :]


def listed(archive: bytes, offset: int, value: bytes) -> bytes:
    """Return a zip of one member whose list says something else of it."""
    at = archive.rindex(b"PK\x01\x02") + offset
    return archive[:at] + value + archive[at + len(value) :]


ONE = zipped(("App.js", b"1" * 100))
SIXTY_FOUR = struct.pack(
    "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 2**63, 2**62
) + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(ONE) - 22, 1)


def overlapping() -> bytes:
    """Return a zip with two names for the same bytes: a list of lists, cheaply."""
    archive = zipped(("App.js", b"1" * 100), ("Bpp.js", b"2" * 100))
    second = archive.rindex(b"PK\x01\x02") + 42
    return archive[:second] + struct.pack("<L", 0) + archive[second + 4 :]


ODD_ZIPS = {
    "encrypted": listed(ONE, 8, struct.pack("<H", 1)),
    "strongly encrypted": listed(ONE, 8, struct.pack("<H", 0x41)),
    "patched": listed(ONE, 8, struct.pack("<H", 0x20)),
    "of a version to come": listed(ONE, 6, struct.pack("<H", 99)),
    "of another way": listed(ONE, 10, struct.pack("<H", 99)),
    "a member before the file": listed(ONE, 42, struct.pack("<L", 2**32 - 2)),
    "a member in the list": listed(ONE, 42, struct.pack("<L", len(ONE) - 60)),
    "a list before the file": end_of(ONE, offset=2**31),
    "a list longer than the file": end_of(ONE, size=2**31),
    "a list of no length": end_of(ONE, size=2),
    "a list that is cut": end_of(ONE, size=30),
    "a size that is too small": listed(ONE, 24, struct.pack("<L", 1)),
    "another checksum": listed(ONE, 16, struct.pack("<L", 7)),
    "a list of 64 bits that lies": ONE[:-22]
    + SIXTY_FOUR
    + end_of(ONE, here=0xFFFF, all=0xFFFF, size=2**32 - 1, offset=2**32 - 1)[-22:],
    "two names for the same bytes": overlapping(),
    "the same name twice": zipped(("a", b"1"), ("a ", b"2")).replace(b"a ", b"a\0"),
    "a name with a NUL": zipped(("a_b", b"1")).replace(b"a_b", b"a\0b"),
    "a directory and a file": zipped(("a/", b""), ("a", b"1")),
    "cut": ONE[:-30],
    "no end": ONE[:-22],
}


@pytest.mark.parametrize("name", ODD_ZIPS)
def test_an_odd_zip_is_refused(tmp_path, name):
    refused(tmp_path, ODD_ZIPS[name])


def test_a_comment_that_is_a_zip_is_a_comment_or_refused(tmp_path):
    inner = zipped(("evil", b"evil"))

    try:
        tree, _ = came(tmp_path, zipped(("App.js", b"1"), comment=inner))
    except ImportRefused:
        return
    assert len(tree) == 1


def test_a_list_of_too_many_members_is_not_read(tmp_path):
    """A sparse file of a gigabyte says that all of it is its list."""
    source = tmp_path / "archive"
    with source.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate((1 << 30) + 4)
        file.seek(0, os.SEEK_END)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 1 << 30, 4, 0)
        file.write(end)

    with (
        at_most(256 * MIB),
        heap(tmp_path) as held,
        source.open("rb") as file,
        pytest.raises(ImportRefused, match="lists more"),
    ):
        unarchived(file, Incoming(held, BOUNDS))


def test_a_link_in_a_zip_that_is_no_path_is_refused(tmp_path):
    made = io.BytesIO()
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("App.js", b"1")
        archive.writestr(info, b"x" * 5_000_000)

    refused(tmp_path, made.getvalue())


def test_names_of_other_letters_and_a_backslash_are_names(tmp_path):
    names = ["back\\slash", "caf\xe9", "\u202etxt.exe", "a\nb", "..."]

    tree, _ = came(tmp_path, zipped(*((name, b"1") for name in names)))

    assert sorted(tree) == sorted(name.encode() for name in names)
    assert not any(isinstance(one, Directory | Link) for one in tree.values())
