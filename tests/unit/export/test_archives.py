"""Archives: the same bytes everywhere, and right in the hands of the usual tools."""

import hashlib
import io
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from expokeep.export import archives
from expokeep.export.archives import FORMATS, Format, Subject
from expokeep.model.digest import Digest, digest_of
from expokeep.model.tree import Directory, Entry, File, Link

BODIES = {
    b"App.js": b"export default 1;\n",
    b"empty": b"",
    b"src/long/" + b"n" * 120 + b"/" + b"m" * 120 + b".js": b"deep\n",
    b"caf\xc3\xa9.txt": b"hot",
    b"caf\xe9 \xff.txt": b"not UTF-8",
    b"-rf": b"a name like an option",
    b"line\nbreak": b"odd",
    b"bin/run": b"#!/bin/sh\n",
    b"big": b"x" * 700_001,
}
NOON_NS = 1_795_521_600_123_456_789


def tree_of(bodies: dict[bytes, bytes]) -> dict[bytes, Entry]:
    tree: dict[bytes, Entry] = {
        path: File(digest_of(body), len(body), 0o644, NOON_NS)
        for path, body in bodies.items()
    }
    for path in list(tree):
        for depth in range(1, path.count(b"/") + 1):
            tree[b"/".join(path.split(b"/")[:depth])] = Directory(0o755, NOON_NS)
    return tree


def contents(digest: Digest) -> Iterable[bytes]:
    body = {digest_of(body): body for body in BODIES.values()}[digest]
    return (body[at : at + 65_536] for at in range(0, len(body), 65_536))


@pytest.fixture
def subject() -> Subject:
    tree = tree_of(BODIES)
    tree[b"bin/run"] = File(digest_of(BODIES[b"bin/run"]), 10, 0o755, 1_000_000_000)
    tree[b"hollow"] = Directory(0o700, NOON_NS)
    tree[b"link"] = Link(b"src/long", NOON_NS)
    tree[b"far"] = Link(b"/" + b"f" * 200 + b"\xff", NOON_NS)
    return Subject("shop-42", tree, 0o750, NOON_NS)


def seen_in(top: Path) -> dict[bytes, tuple[object, ...]]:
    """Return all that an unpacked archive has, as the subject would."""
    found: dict[bytes, tuple[object, ...]] = {}
    base = os.fsencode(top)
    for above, directories, files in os.walk(base):
        for name in (*directories, *files):
            path = os.path.join(above, name)
            look = os.lstat(path)
            key = path[len(base) + 1 :]
            if stat.S_ISLNK(look.st_mode):
                found[key] = ("link", os.readlink(path))
            elif stat.S_ISDIR(look.st_mode):
                found[key] = ("directory", look.st_mode & 0o777)
            else:
                with open(path, "rb") as file:
                    body = digest_of(file.read())
                found[key] = ("file", look.st_mode & 0o777, body)
    return found


def expected_of(subject: Subject) -> dict[bytes, tuple[object, ...]]:
    top = subject.name.encode()
    found: dict[bytes, tuple[object, ...]] = {top: ("directory", subject.mode)}
    for path, entry in subject.tree.items():
        seen: tuple[object, ...] = ()
        match entry:
            case File():
                seen = ("file", entry.mode, entry.digest)
            case Link():
                seen = ("link", entry.target)
            case Directory():
                seen = ("directory", entry.mode)
        found[top + b"/" + path] = seen
    return found


def made(form: Format, subject: Subject) -> bytes:
    return b"".join(archives.archived(form, subject, contents))


TOOLS: list[tuple[Format, list[str]]] = [
    ("tar.gz", ["tar", "-xzpf"]),
    ("tar.gz", ["bsdtar", "-xpf"]),
    ("tar.zst", ["tar", "--zstd", "-xpf"]),
    ("tar.zst", ["bsdtar", "-xpf"]),
    ("zip", ["bsdtar", "-xpf"]),
    ("zip", ["unzip", "-q"]),
]

ODD = (b"line\nbreak", b"caf\xe9 \xff.txt", b"far")
"""Names that Info-ZIP writes in another way, whatever a zip says."""


@pytest.mark.parametrize(("form", "tool"), TOOLS, ids=lambda one: "".join(one)[:12])
def test_the_usual_tools_give_back_what_was_kept(
    form: Format, tool: list[str], subject: Subject, tmp_path: Path
) -> None:
    if tool[0] == "unzip":
        plain = {path: e for path, e in subject.tree.items() if path not in ODD}
        subject = Subject(subject.name, plain, subject.mode, subject.mtime_ns)
    archive, into = tmp_path / f"a.{form}", tmp_path / "into"
    archive.write_bytes(made(form, subject))
    into.mkdir()

    ended = subprocess.run(
        [*tool, str(archive)],
        cwd=into,
        check=False,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert seen_in(into) == expected_of(subject)


def test_times_are_those_that_were_kept(subject: Subject, tmp_path: Path) -> None:
    for form, tool in TOOLS:
        into = tmp_path / f"{form}-{tool[0]}"
        into.mkdir()
        (into / "a").write_bytes(made(form, subject))
        subprocess.run(
            [*tool, "a"],
            cwd=into,
            check=True,
            env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
        )
        top = into / subject.name
        assert (top / "App.js").stat().st_mtime == NOON_NS // 10**9, tool
        assert (top / "hollow").stat().st_mtime == NOON_NS // 10**9, tool
        assert (top / "bin/run").stat().st_mtime == 1, tool


def test_one_directory_is_at_the_top_for_who_strips_it(
    subject: Subject, tmp_path: Path
) -> None:
    (tmp_path / "a.tar.gz").write_bytes(made("tar.gz", subject))

    subprocess.run(
        ["tar", "-xzf", "a.tar.gz", "--strip-components=1"], cwd=tmp_path, check=True
    )

    assert (tmp_path / "App.js").read_bytes() == BODIES[b"App.js"]


def test_python_reads_them_too(subject: Subject) -> None:
    with tarfile.open(fileobj=io.BytesIO(made("tar.gz", subject))) as tar:
        owners = {(one.uid, one.gid, one.uname, one.gname) for one in tar}
        count = len(tar.getmembers())
    with zipfile.ZipFile(io.BytesIO(made("zip", subject))) as zipped:
        assert zipped.testzip() is None
        assert len(zipped.namelist()) == count
    assert owners == {(0, 0, "", "")}
    assert count == len(subject.tree) + 1


ANEW = """
import hashlib, sys
sys.path.insert(0, {tests!r})
import test_archives as t
names = list(reversed(t.tree_of(t.BODIES).items()))
subject = t.Subject("shop-42", dict(names), 0o750, t.NOON_NS)
print(*(hashlib.sha256(t.made(form, subject)).hexdigest() for form in t.FORMATS))
"""


def test_another_machine_makes_the_same_bytes() -> None:
    """Another zone, umask, language, seed of hashes, and order of the tree."""
    subject = Subject("shop-42", tree_of(BODIES), 0o750, NOON_NS)
    here = [hashlib.sha256(made(form, subject)).hexdigest() for form in FORMATS]

    elsewhere = subprocess.run(
        [sys.executable, "-c", ANEW.format(tests=str(Path(__file__).parent))],
        check=True,
        capture_output=True,
        text=True,
        umask=0o077,
        cwd="/",
        env={"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
    ).stdout.split()

    assert elsewhere == here


def test_the_bytes_of_a_tar_never_change(subject: Subject) -> None:
    tar = b"".join(archives.tarred(subject, contents))

    golden = "1923cc29403c343a975316906ebefd3516f65c078733387a65b3cc3a841dc604"
    assert hashlib.sha256(tar).hexdigest() == golden, (
        "this would give other archives of versions that people have archives of"
    )


def test_times_before_all_clocks_are_kept_where_they_can_be() -> None:
    header = archives.tar_header(b"old", Link(b"x", -1_500_000_000))

    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").mtime == -2


def test_a_file_beyond_all_fields_of_a_tar_is_named_with_its_size() -> None:
    size_bytes = 9 * 2**30
    header = archives.tar_header(b"film", File(digest_of(b""), size_bytes))

    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == size_bytes


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_file_of_more_than_4_gib_is_right_in_a_zip(tmp_path: Path) -> None:
    block, count = bytes(2**20), 2**12 + 1
    whole = hashlib.sha256()
    for _ in range(count):
        whole.update(block)
    digest, archive = Digest(whole.digest()), tmp_path / "a.zip"
    tree: dict[bytes, Entry] = {b"film": File(digest, count * 2**20)}
    chunks = archives.archived(
        "zip", Subject("s", tree, 0o755, 0), lambda _: (block for _ in range(count))
    )
    with archive.open("wb") as file:
        file.writelines(chunks)

    command = ["unzip", "-p", str(archive), "s/film"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unzip:
        assert unzip.stdout is not None
        found = hashlib.file_digest(unzip.stdout, "sha256").digest()  # type: ignore[arg-type] # it reads, which is all
    assert found == digest
