"""What is fuzzed: each target takes bytes, and fails only if a promise is broken.

A refusal that has a name is no failure; anything else that is raised is one. The same
targets are run on the corpus, by hypothesis, and by atheris.
"""

import contextlib
import datetime
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from expokeep.control.blobs import decoded
from expokeep.errors import ConfigError, IntegrityError, QuotaExceeded
from expokeep.export.heap import heap
from expokeep.export.incoming import Bounds, ImportRefused, Incoming, stays_inside
from expokeep.export.unarchiving import unarchived
from expokeep.model.digest import digest_of
from expokeep.model.ignore import DEFAULT_EXCLUDES, project_lines, rules
from expokeep.model.names import (
    for_terminal,
    from_text,
    is_safe_path,
    parse_session_id,
    parse_user,
    session_of_directory,
    to_text,
)
from expokeep.model.tree import Link
from expokeep.model.version import is_label, parse_version_ref
from expokeep.pack import zstd
from expokeep.pack.facts import decode_facts
from expokeep.pack.format import PackDamaged
from expokeep.pack.key import pack_key, parse_pack_key
from expokeep.pack.manifest import decode_manifest, encode_manifest
from expokeep.pack.reader import PackFile, manifest_from_head
from expokeep.rebuild.words import words_of
from expokeep.restore.documents import offer_of
from expokeep.settings.load import load
from expokeep.share.token import parse_name, parse_token

NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
BOUNDS = Bounds(max_bytes=1 << 20, max_file_bytes=1 << 19, max_entries=200)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
PATHS = (
    *(b"a" * 255, b"/".join([b"a"] * 200), b"src/App.js", b"\xff\n", b"a.log"),
    *(b"node_modules", b"src/node_modules/x", b"[", b"*" * 99, b"ab" * 120),
)


@contextlib.contextmanager
def on_disk(raw: bytes) -> Iterator[Path]:
    """Hold a file that is in no directory."""
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, raw)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def pack(raw: bytes) -> None:
    """A pack is damage, or each of its blobs is what its digest says."""
    with (
        on_disk(raw) as path,
        contextlib.suppress(IntegrityError),
        PackFile(path) as it,
    ):
        for blob in it.manifest.blobs:
            with contextlib.suppress(IntegrityError):
                assert digest_of(it.blob(blob.digest)) == blob.digest
            with contextlib.suppress(IntegrityError):
                whole = b"".join(it.stream(blob.digest))
                assert digest_of(whole) == blob.digest


def manifest(raw: bytes) -> None:
    """A manifest is damage, or a manifest like any other, all paths below a root."""
    try:
        told = decode_manifest(raw, 100)
    except PackDamaged as error:
        assert not CONTROL.search(str(error)), error  # noqa: PT017 - what it says
        return
    assert decode_manifest(encode_manifest(told, 100), 100) == told
    for snap in told.snaps:
        assert all(map(is_safe_path, (*snap.delta.set, *snap.delta.gone)))


def head(raw: bytes) -> None:
    """The head of a pack is damage, too short, or tells a manifest."""
    with contextlib.suppress(PackDamaged):
        manifest_from_head(raw)


def facts(raw: bytes) -> None:
    """Facts are damage as a whole, or one by one."""
    with contextlib.suppress(PackDamaged):
        words_of(decode_facts(zstd.compressed(raw, 1)))


def archive(raw: bytes) -> None:
    """An archive is refused, or is a project that stays inside itself."""
    with heap() as held, contextlib.suppress(ImportRefused, QuotaExceeded):
        incoming = Incoming(held, BOUNDS)
        unarchived(io.BytesIO(raw), incoming)
        for path, entry in incoming.tree().items():
            assert is_safe_path(path)
            assert not isinstance(entry, Link) or stays_inside(path, entry.target)


def ignore(raw: bytes) -> None:
    """An ignore file of a project is usable as far as it is, and matches in time."""
    found = rules(DEFAULT_EXCLUDES, project_lines(raw))
    for path in PATHS:
        found.excludes(path, is_directory=False)
        found.excludes(path, is_directory=True)
    assert found.excludes(b"node_modules", is_directory=True)


def ref(raw: bytes) -> None:
    """Words for a version mean one, or nothing."""
    text = raw.decode("utf-8", "surrogateescape")
    with contextlib.suppress(ValueError):
        parse_version_ref(text, now=NOW)
    is_label(text)


def names(raw: bytes) -> None:
    """Names come back from their text, and never move a cursor."""
    assert from_text(to_text(raw)) == raw
    assert not CONTROL.search(for_terminal(raw))
    text = raw.decode("utf-8", "surrogateescape")
    for parse in (parse_session_id, parse_user, from_text):
        with contextlib.suppress(ValueError):
            parse(text)
    session = session_of_directory(raw)
    assert session is None or parse_session_id(session) == session
    with contextlib.suppress(ValueError):
        assert pack_key(parse_pack_key(text)) == text


def token(raw: bytes) -> None:
    """A token, or the name of a share, is one or nothing."""
    text = raw.decode("utf-8", "surrogateescape")
    found = parse_token(text)
    assert found is None or found.text not in repr(found)
    parse_name(text)


def settings(raw: bytes) -> None:
    """A file is settings, or an error that names what is wrong with it."""
    with on_disk(raw) as path, contextlib.suppress(ConfigError):
        load(path=path, environ={"HOME": "/home/ann"}, flags={})


def blobs(raw: bytes) -> None:
    """A stream of blobs is cut, or its sizes are what they say."""
    cut = [raw[at : at + 7] for at in range(0, len(raw), 7)]
    with contextlib.suppress(IntegrityError):
        for _, size_bytes, chunks in decoded(cut):
            came_bytes = sum(map(len, chunks))
            assert came_bytes == size_bytes


def offer(raw: bytes) -> None:
    """An offer of a daemon is damage, or one."""
    with contextlib.suppress(IntegrityError):
        offer_of(raw)


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        *(pack, manifest, head, facts, archive, ignore, ref, names, token),
        *(settings, blobs, offer),
    )
}
