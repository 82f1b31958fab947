"""Every pack is a tar that others can look into: a promise of docs/FORMAT.md."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from expokeep.model.tree import Link
from expokeep.pack import zstd
from expokeep.pack.writer import FinishedPack, PackWriter
from packing import MTIME_NS, file_of, manifest_of, snap_of

MANIFEST = b".snap/manifest.json"

# GNU tar takes names as they are, and so has no use for being told that they are bytes.
HARMLESS = b"tar: Ignoring unknown extended header keyword 'hdrcharset'\n"

CONTENTS = {
    b"App.tsx": b"export default 1;\n" * 2000,
    b"a\nb=c": b"newline",
    b"assets/icon.png": os.urandom(5000),
    b"assets/noise": os.urandom(200_000),
    b"caf\xc3\xa9.ts": b"utf-8",
    b"caf\xe9\xff.ts": b"not utf-8",
    b"deep/" * 60 + b"n" * 200: b"long",
    b"empty": b"",
    b"-rf": b"no option",
}
BIG = b"0123456789abcdef" * 600_000
MODES = {b"App.tsx": 0o755, b"empty": 0o600}


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> FinishedPack:
    files = {
        path: file_of(held, MODES.get(path, 0o644)) for path, held in CONTENTS.items()
    }
    with PackWriter(tmp_path_factory.mktemp("packs"), 3) as writer:
        for path, held in CONTENTS.items():
            writer.add(path, files[path], held)
        source = io.BytesIO(BIG)
        writer.add_stream(b"video", source, len(BIG), mode=0o644, mtime_ns=MTIME_NS)
        others = {b"video": file_of(BIG), b"link": Link(b"App.tsx")}
        manifest = manifest_of(snap_of({**files, **others}))
        return writer.finish(manifest, fsync=True)


def ran(*command: str | Path, stdin: bytes = b"") -> bytes:
    """Return what a program wrote, when it had nothing to complain about."""
    program = str(command[0])
    if shutil.which(program) is None:
        pytest.fail(f"these tests need {program}: apt-get install tar zstd")
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    complaints = done.stderr.replace(HARMLESS, b"")
    assert (done.returncode, complaints) == (0, b"")
    return done.stdout


def by_tar(pack: Path, into: Path) -> None:
    ran("tar", "--zstd", "-xf", pack, "-C", into)


def by_zstd(pack: Path, into: Path) -> None:
    ran("tar", "-xf", "-", "-C", into, stdin=ran("zstd", "-dc", pack))


def by_python(pack: Path, into: Path) -> None:
    with zstd.zstd.open(pack) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        # Debian 12's Python 3.11.2 has no filters yet; later ones want one to be named.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(into, **safely)


@pytest.mark.parametrize("extracted", [by_tar, by_zstd, by_python])
def test_a_pack_is_a_tar_that_others_can_extract(
    pack: FinishedPack, tmp_path: Path, extracted: Callable[[Path, Path], None]
) -> None:
    extracted(pack.path, tmp_path)

    found = {
        os.fsencode(file.relative_to(tmp_path)): file
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    assert found.keys() == {*CONTENTS, b"video", MANIFEST}
    for path, held in {**CONTENTS, b"video": BIG}.items():
        assert found[path].read_bytes() == held
        status = found[path].stat()
        assert status.st_mode & 0o777 == MODES.get(path, 0o644)
        assert int(status.st_mtime) == MTIME_NS // 10**9


def test_tar_lists_a_pack_with_the_manifest_first(pack: FinishedPack) -> None:
    listed = ran("tar", "--zstd", "--quoting-style=literal", "-tf", pack.path)

    assert listed.startswith(MANIFEST + b"\n")
    assert listed == b"".join(path + b"\n" for path in names_by_python(pack.path))


def names_by_python(pack: Path) -> list[bytes]:
    with zstd.zstd.open(pack) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        return [os.fsencode(member.name) for member in tar]


def test_nobody_is_named_by_a_pack(pack: FinishedPack) -> None:
    with zstd.zstd.open(pack.path) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        owners = {(one.uid, one.gid, one.uname, one.gname) for one in tar}

    assert owners == {(0, 0, "", "")}


def test_zstd_finds_every_checksum_right(pack: FinishedPack) -> None:
    assert ran("zstd", "--quiet", "--test", pack.path) == b""


def test_the_manifest_can_be_read_with_tar_alone(pack: FinishedPack) -> None:
    told = json.loads(ran("tar", "--zstd", "-xOf", pack.path, MANIFEST.decode()))

    listed = {path: size for path, _, _, size, *_ in told["snaps"][0]["set"]}
    assert listed[r"caf\xe9\xff.ts"] == len(b"not utf-8")
    assert listed["link"] == len(b"App.tsx")


def test_a_frame_can_be_cut_out_and_read_with_tar(pack: FinishedPack) -> None:
    frame = pack.manifest.frames[0]
    whole = pack.path.read_bytes()
    raw = ran("zstd", "-dc", stdin=whole[frame.offset : frame.offset + frame.length])

    with tarfile.open(fileobj=io.BytesIO(raw + bytes(1024))) as tar:
        for member in tar:
            held = tar.extractfile(member)
            assert held is not None
            name = os.fsencode(member.name)
            assert held.read() == CONTENTS.get(name, BIG)
