"""What is looked into, what is found, and what is told of the rest."""

import datetime
import uuid

import pytest

from expo_template import FILES
from expokeep.catalog.values import Kept, Place, RootOwner
from expokeep.model.digest import digest_of
from expokeep.model.names import SessionId
from expokeep.model.secrets import DEFAULT_PATTERNS, names
from expokeep.model.tree import Directory, File
from expokeep.model.version import Version
from expokeep.share.scan import (
    MAX_FILE_BYTES,
    MAX_SUSPICIONS,
    NAMED,
    Findings,
    Scan,
    Suspicion,
)

KEY = ("AIza" + "Sy9k2Qw7Rt4Yz8Lm3Np6Vb5Xc1Df0GhJkUa").encode()
PACK = uuid.UUID(int=1)


def kept(files):
    tree = {
        path: File(digest_of(data), len(data), 0o644) for path, data in files.items()
    }
    places = {
        one.digest: Place(one.digest, one.size_bytes, PACK, "key", 0, 1, 1, 0)
        for one in tree.values()
    }
    version = Version(
        session=SessionId("shop"),
        seq=1,
        epoch=1,
        parent=None,
        pack=PACK,
        taken_at=datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC),
        trigger="save",
        tree=digest_of(b""),
        file_count=len(tree),
        size_bytes=0,
        message=None,
        author=None,
        parked=None,
    )
    return Kept(version, tree | {b"src": Directory(0o755)}, places, RootOwner(1, 1, 0))


class Bucket:
    """Holds contents, and remembers what was asked for."""

    def __init__(self, files):
        self.contents = {digest_of(data): data for data in files.values()}
        self.fetched = []

    def __call__(self, places):
        for place in places:
            data = self.contents[place.digest]
            self.fetched.append(data)
            yield place.digest, len(data), iter([data[:10], data[10:]])


def scan(files, **more):
    bucket = Bucket(files)
    return Scan(names(DEFAULT_PATTERNS), bucket, **more), bucket


def test_nothing_is_found_in_an_expo_project():
    files = {path.encode(): text.encode() for path, text in FILES.items()}

    found = scan(files)[0].findings(kept(files))

    assert found == Findings((), 0)


def test_what_is_found_is_told_by_file_and_line():
    files = {
        b"src/b.ts": b"// 1\nconst k = '" + KEY + b"'\n",
        b"src/a.ts": b"const k = '" + KEY + b"'\n",
        b".env": b"A=1",
        b"App.js": b"1",
    }

    found = scan(files)[0].findings(kept(files))

    assert found.suspicions == (
        Suspicion(b".env", None, NAMED),
        Suspicion(b"src/a.ts", 1, "Google key"),
        Suspicion(b"src/b.ts", 2, "Google key"),
    )
    assert KEY.decode() not in repr(found)


def test_equal_contents_are_fetched_once_and_told_for_each_file():
    files = {b"a.ts": KEY, b"b.ts": KEY}
    looking, bucket = scan(files)

    found = looking.findings(kept(files))

    assert [one.path for one in found.suspicions] == [b"a.ts", b"b.ts"]
    assert len(bucket.fetched) == 1


def test_what_is_no_text_or_a_secret_by_its_name_is_not_fetched():
    files = {b"logo.PNG": b"png", b"key.pem": b"pem", b"empty": b"", b"App.js": b"1"}
    looking, bucket = scan(files)

    looking.findings(kept(files))

    assert bucket.fetched == [b"1"]


def test_what_was_not_looked_into_is_counted():
    large = b"x" * (MAX_FILE_BYTES + 1)
    files = {b"large.txt": large, b"a.js": b"a" * 60, b"b.js": b"b" * 70}
    looking, bucket = scan(files, max_bytes=100)

    found = looking.findings(kept(files))

    assert bucket.fetched == [b"a" * 60]
    assert found == Findings((), 2)


def test_a_scan_comes_to_its_end_in_time():
    times = iter([0.0, 1.0, 61.0, 62.0, 63.0])
    files = {f"{n}.js".encode(): b"x" * (n + 1) for n in range(5)}
    looking, bucket = scan(files, now_s=lambda: next(times))

    found = looking.findings(kept(files))

    assert len(bucket.fetched) == 2
    assert found.passed_over == 3


def test_there_is_an_end_to_what_is_told():
    files = {f"{n:04}.pem".encode(): b"%d" % n for n in range(MAX_SUSPICIONS + 50)}

    found = scan(files)[0].findings(kept(files))

    assert len(found.suspicions) == MAX_SUSPICIONS


@pytest.mark.parametrize("path", [b"\xff.ts", "grün.ts".encode()])
def test_names_are_bytes(path):
    files = {path: KEY}

    assert scan(files)[0].findings(kept(files)).suspicions[0].path == path
