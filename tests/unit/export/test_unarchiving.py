"""Archives of strangers: what is right comes in, and what is wrong does nothing."""

import gzip
import io
import os
import struct
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expokeep.errors import ExpokeepError, QuotaExceeded
from expokeep.export import archives
from expokeep.export.archives import FORMATS, Format, Subject
from expokeep.export.heap import heap
from expokeep.export.incoming import Bounds, ImportRefused, Incoming, stays_inside
from expokeep.export.unarchiving import unarchived
from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, Entry, File, Link
from expokeep.pack import zstd

BOUNDS = Bounds(max_bytes=1 << 20, max_file_bytes=1 << 19, max_entries=100)
Came = tuple[dict[bytes, Entry], dict[bytes, str]]


def came(archive: bytes, bounds: Bounds = BOUNDS) -> Came:
    with heap() as held:
        incoming = Incoming(held, bounds)
        unarchived(io.BytesIO(archive), incoming)
        tree = incoming.tree()
        for entry in tree.values():
            if isinstance(entry, File):
                body = b"".join(held.read(entry.digest))
                assert digest_of(body) == entry.digest
        return tree, incoming.skipped


def member(name: str, body: bytes = b"", **about: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    for word, value in about.items():
        setattr(info, word, value)
    return info


def tar(
    *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT
) -> bytes:
    made = io.BytesIO()
    with tarfile.open(
        fileobj=made, mode="w", format=form, errors="surrogateescape"
    ) as archive:
        for info, body in members:
            archive.addfile(info, io.BytesIO(body))
    return made.getvalue()


FINE = (member("App.js", b"1"), b"1")


def file(name: str, body: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return member(name, body), body


@pytest.mark.parametrize("form", FORMATS)
def test_what_we_export_comes_in_as_it_was(form: Format) -> None:
    bodies = {b"App.js": b"1", b"caf\xe9 \xff": b"odd", b"src/deep/x": b"y" * 9999}
    tree: dict[bytes, Entry] = {
        b"src": Directory(),
        b"src/deep": Directory(),
        b"hollow": Directory(0o700),
        b"src/link": Link(b"../App.js"),
        **{path: File(digest_of(body), len(body)) for path, body in bodies.items()},
        b"run": File(digest_of(b"1"), 1, 0o755),
    }
    contents = {digest_of(body): body for body in bodies.values()}
    archive = b"".join(
        archives.archived(
            form, Subject("shop", tree, 0o755, 0), lambda digest: [contents[digest]]
        )
    )

    assert came(archive) == (tree, {})


TOOLS = [
    ["tar", "-czf", "-", "shop"],
    ["tar", "--zstd", "-cf", "-", "shop"],
    ["tar", "-cf", "-", "-C", "shop", "."],
    ["tar", "--format=gnu", "-cf", "-", "shop"],
    ["bsdtar", "-czf", "-", "shop"],
    ["zip", "-qry", "-", "shop"],
]


@pytest.mark.parametrize("tool", TOOLS, ids=" ".join)
def test_what_the_usual_tools_make_comes_in(tool: list[str], tmp_path: Path) -> None:
    if tool[0] == "zip":
        tool = ["bsdtar", "--format", "zip", "-cf", "-", "shop"]
    project = tmp_path / "shop"
    (project / "src").mkdir(parents=True)
    (project / "src/Button.js").write_text("// a button")
    (project / ("n" * 150)).write_text("long")
    (project / "run").write_text("#!/bin/sh")
    (project / "run").chmod(0o4755)
    (project / "link").symlink_to("src/Button.js")
    os.link(project / "run", project / "again")
    made = subprocess.run(tool, cwd=tmp_path, check=True, capture_output=True).stdout

    tree, skipped = came(made)

    assert skipped == {}
    assert sorted(tree) == [
        b"again",
        b"link",
        b"n" * 150,
        b"run",
        b"src",
        b"src/Button.js",
    ]
    run = tree[b"run"]
    assert isinstance(run, File)
    assert run.mode == 0o755
    assert tree[b"again"] == run
    assert tree[b"link"] == Link(b"src/Button.js")


HOSTILE = {
    "climbs": tar(file("../x")),
    "climbs later": tar(file("a/../../x")),
    "absolute": tar(file("/etc/x")),
    "twice": tar(file("a"), file("a")),
    "a file is a directory": tar(file("a"), file("a/b")),
    "through a link": tar(
        (member("d", type=tarfile.SYMTYPE, linkname="src"), b""), file("d/x")
    ),
    "a device": tar(
        (member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b"")
    ),
    "a pipe": tar((member("pipe", type=tarfile.FIFOTYPE), b"")),
    "another's file": tar(
        (member("shadow", type=tarfile.LNKTYPE, linkname="/etc/shadow"), b"")
    ),
    "another's file below": tar(
        (member("shadow", type=tarfile.LNKTYPE, linkname="etc/shadow"), b"")
    ),
    "nothing": tar(),
    "no name": tar(file("a//b")),
    "a dot": tar(file("a/./b")),
    "too deep": tar(file("/".join("d" * 300))),
    "too long a name": tar(file("n" * 256)),
    "cut short": tar(file("a", b"x" * 5000))[:3000],
    "no archive": b"#!/bin/sh\necho nothing of the kind\n" * 100,
    "cut gzip": archives._GZIP_HEADER + b"\x01",
    "too many": tar(*(file(f"f{number}") for number in range(101))),
    "much of itself": tar(
        (member("a", pax_headers={"comment": "c" * 2_000_000}), b""),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused(name: str) -> None:
    with pytest.raises((ImportRefused, QuotaExceeded)):
        came(HOSTILE[name])


def test_set_user_id_and_owners_do_not_come_along() -> None:
    info = member("run", b"1", mode=0o6777, uid=0, gid=0, uname="root")

    tree, _ = came(tar((info, b"1")))

    assert tree[b"run"] == File(digest_of(b"1"), 1, 0o777)


def test_links_that_lead_out_are_left_out_and_named() -> None:
    links = {"a": "/etc/passwd", "b": "../../x", "c": "x/../../y", "fine": "App.js"}

    tree, skipped = came(
        tar(
            FINE,
            *(
                (member(name, type=tarfile.SYMTYPE, linkname=target), b"")
                for name, target in links.items()
            ),
        )
    )

    assert sorted(tree) == [b"App.js", b"fine"]
    assert sorted(skipped) == [b"a", b"b", b"c"]


def bomb(form: Format, size_bytes: int) -> bytes:
    zeros = bytes(1 << 20)
    tree: dict[bytes, Entry] = {b"zeros": File(digest_of(b""), size_bytes)}
    chunks = (zeros for _ in range(size_bytes >> 20))
    return b"".join(
        archives.archived(form, Subject("s", tree, 0o755, 0), lambda _: chunks)
    )


@pytest.mark.parametrize("form", FORMATS)
def test_a_bomb_goes_off_at_its_bound(form: Format) -> None:
    with pytest.raises(QuotaExceeded):
        came(bomb(form, 64 << 20))


def test_what_is_said_of_a_size_counts_for_nothing() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2 << 20))
    lying = made.getvalue().replace(struct.pack("<I", 2 << 20), struct.pack("<I", 10))

    with pytest.raises(ExpokeepError):
        came(lying)


def zipped(**about: object) -> bytes:
    made = io.BytesIO()
    info = zipfile.ZipInfo("file")
    for word, value in about.items():
        setattr(info, word, value)
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(info, b"/etc/passwd")
    return made.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        zipped(filename="../x"),
        zipped(filename="/x"),
        zipped(create_system=3, external_attr=0o020666 << 16),
        zipped(compress_type=zipfile.ZIP_LZMA),
    ],
    ids=["climbs", "absolute", "a device", "another way of compressing"],
)
def test_a_hostile_zip_is_refused(archive: bytes) -> None:
    with pytest.raises(ImportRefused):
        came(archive)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_mutated_archive_is_refused_or_is_a_project(data: st.DataObject) -> None:
    base = bytearray(SEEDS[data.draw(st.integers(0, len(SEEDS) - 1))])
    for _ in range(data.draw(st.integers(1, 6))):
        base[data.draw(st.integers(0, len(base) - 1))] = data.draw(st.integers(0, 255))

    try:
        tree, _ = came(bytes(base))
    except (ImportRefused, QuotaExceeded):
        return
    for path, entry in tree.items():
        assert not path.startswith(b"/")
        assert b".." not in path.split(b"/")
        assert not isinstance(entry, Link) or stays_inside(path, entry.target)


def seed(form: Format | None) -> bytes:
    tree: dict[bytes, Entry] = {
        b"src": Directory(),
        b"src/a": File(digest_of(b"a"), 1),
        b"link": Link(b"src/a"),
    }
    subject = Subject("s", tree, 0o755, 0)
    contents: Callable[[bytes], list[bytes]] = lambda _: [b"a"]  # noqa: E731 - short
    if form is None:
        return b"".join(archives.tarred(subject, contents))
    return b"".join(archives.archived(form, subject, contents))


SEEDS = [seed(None), seed("tar.gz"), seed("zip"), HOSTILE["much of itself"][:4096]]


def test_nothing_of_an_archive_is_on_the_disk_by_its_name() -> None:
    before = set(os.listdir(tempfile.gettempdir()))

    came(tar(file("unheard-of-name-of-a-file"), FINE))

    assert (
        "unheard-of-name-of-a-file"
        not in set(os.listdir(tempfile.gettempdir())) - before
    )


def folded(parts: list[bytes], how: str) -> bytes:
    if how == "gzip":
        return b"".join(map(gzip.compress, parts))
    return b"".join(
        zstd.compressed(part, 3) + b"\x50\x2a\x4d\x18\x01\0\0\0-" for part in parts
    )


@pytest.mark.parametrize("how", ["gzip", "zstd"])
@pytest.mark.parametrize("cut", [1024, 1100, 2000])
def test_what_was_compressed_in_several_pieces_comes_as_a_whole(
    how: str, cut: int
) -> None:
    whole = tar(*[file(f"p/{number}") for number in range(9)])
    tree, _ = came(folded([whole[:cut], b"", whole[cut:]], how))
    assert len(tree) == 9


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_endless_pieces_with_nothing_in_them_are_refused(how: str) -> None:
    with pytest.raises(ImportRefused):
        came(folded([tar(FINE)[:512]], how) + folded([b""], how) * 100_001)


def test_a_tar_that_was_cut_between_two_members_is_refused() -> None:
    whole = tar(*[file(f"p/{number}") for number in range(9)])
    for cut in (3 * 1024, 3 * 1024 + 100):
        with pytest.raises(ImportRefused, match="too early"):
            came(whole[:cut])


def test_a_tar_with_a_damaged_header_in_it_is_refused() -> None:
    whole = bytearray(tar(*[file(f"p/{number}") for number in range(9)]))
    whole[3 * 1024] ^= 1
    with pytest.raises(ImportRefused, match="damaged"):
        came(bytes(whole))
