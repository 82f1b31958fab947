"""Whoever can write the bucket lies in a manifest: a restore from it does no harm."""

import json
import os
from pathlib import Path

import pytest

from expokeep.errors import IntegrityError, NoSpace, Parked
from hostile.forging import (
    HEX0,
    Forgery,
    directory_row,
    file_row,
    link_row,
)
from hostile.restoring import Bucket

A = b"App.js"


def row(path: bytes, kind: str = "f", mode: int = 0o644, **more):
    told = file_row(path, b"1", mode)
    told[1] = kind
    told[3] = more.get("size", told[3])
    told[4] = more.get("mtime", told[4])
    told[5] = more.get("name", told[5])
    return told


def at(*place, value):
    def change(told):
        for part in place[:-1]:
            told = told[part]
        told[place[-1]] = value

    return change


def rows(*more):
    """Return a change that lists these entries, unsorted as they are."""
    return at("snaps", 0, "set", value=list(more))


FINE = file_row(A, b"1")
PATHS = {
    "up": b"../evil",
    "up in the middle": b"a/../../evil",
    "up at the end": b"a/..",
    "absolute": b"/tmp/evil",
    "empty": b"",
    "dot": b"./evil",
    "dot in the middle": b"a/./evil",
    "two slashes": b"a//evil",
    "a slash at the end": b"evil/",
    "NUL": b"evil\0.js",
    "a name too long": b"n" * 256,
    "a path too long": b"/".join([b"n" * 200] * 21),
    "too deep": b"/".join([b"d"] * 300),
}
PLACES = {
    "below nothing": [FINE, row(b"nowhere/evil")],
    "below a file": [FINE, row(b"App.js/evil")],
    "below a link": [FINE, link_row(b"out", b"/tmp"), row(b"out/evil")],
    "below a link in a directory": [
        FINE,
        directory_row(b"d"),
        link_row(b"d/out", b"../.."),
        row(b"d/out/evil"),
    ],
    "twice": [FINE, FINE],
    "a file and a directory": [FINE, directory_row(A)],
    "a link and a directory": [link_row(b"d", b"/tmp"), directory_row(b"d"), FINE],
    "out of order": [row(b"b"), FINE],
}
KINDS = {
    "a device": row(b"evil", "c"),
    "a block device": row(b"evil", "b"),
    "a pipe": row(b"evil", "p"),
    "a socket": row(b"evil", "s"),
    "a hard link": row(b"evil", "h"),
    "nothing known": row(b"evil", ""),
    "a letter twice": row(b"evil", "ff"),
    "set-user-id": row(b"evil", mode=0o4755),
    "set-group-id": row(b"evil", mode=0o2755),
    "sticky": row(b"evil", mode=0o1755),
    "a set-group-id directory": directory_row(b"evil", 0o2775),
    "a mode of too many bits": row(b"evil", mode=0o100644),
    "a mode beyond all": row(b"evil", mode=2**64),
    "a negative mode": row(b"evil", mode=-1),
    "a mode that is no number": [*row(b"evil")[:2], "0644", *row(b"evil")[3:]],
    "a mode with a fraction": row(b"evil", mode=420.5),
    "a negative size": row(b"evil", size=-1),
    "a size beyond all": row(b"evil", size=2**64),
    "a size with a fraction": row(b"evil", size=1.5),
    "a time beyond all": row(b"evil", mtime=2**64),
    "a time before all": row(b"evil", mtime=-(2**64)),
    "a time that is no number": row(b"evil", mtime=None),
    "a link to nowhere": link_row(b"evil", b""),
    "a link with a NUL": link_row(b"evil", b"a\0b"),
    "a link longer than any path": link_row(b"evil", b"x" * 4097),
    "a link that no disk takes": link_row(b"evil", b"x" * 4096),
    "a directory with contents": [*directory_row(b"evil")[:5], HEX0],
    "a name that is no digest": row(b"evil", name="../../etc/passwd"),
    "a digest of capital letters": row(b"evil", name=HEX0.upper()),
    "an owner": [*row(b"evil"), 0],
    "too little": row(b"evil")[:5],
}
WHOLES = {
    "another version of the format": at("v", value=2),
    "an unknown key": at("uid", value=0),
    "no key": lambda told: told.pop("blobs"),
    "another scope": at("scope", value="../main"),
    "another kind": at("kind", value="all"),
    "a negative epoch": at("epoch", value=-1),
    "a negative number": at("snaps", 0, "seq", value=-1),
    "a number with a fraction": at("snaps", 0, "seq", value=1.5),
    "a moment of no calendar": at("snaps", 0, "at", value="9999999-01-01T00:00:00Z"),
    "a moment of no zone": at("created", value="2026-01-01T00:00:00"),
    "more bytes than any disk": at("snaps", 0, "bytes", value=2**64),
}
SPELLINGS = {
    "not a number": lambda raw: raw.replace(b'"epoch":1', b'"epoch":NaN'),
    "infinite": lambda raw: raw.replace(b'"epoch":1', b'"epoch":1e999'),
    "a number of many digits": lambda raw: raw.replace(
        b'"epoch":1', b'"epoch":' + b"9" * 5000
    ),
    "deep": lambda raw: raw.replace(b'"deps":[]', b'"deps":' + b"[" * 500_000),
    "deep and closed": lambda raw: raw.replace(
        b'"deps":[]', b'"x":' + b"[" * 100_000 + b"]" * 100_000
    ),
    "half a letter": lambda raw: raw.replace(b"App.js", b"\\ud800"),
    "no UTF-8": lambda raw: raw.replace(b"App.js", b"\xff\xfe"),
    "a terminal's words": lambda raw: raw.replace(
        b'"epoch":1', '"\x1b]0;owned\x07\u202e":1'.encode()
    ),
    "something behind it": lambda raw: raw + b"{}",
    "nothing": lambda _raw: b"",
}


def refused(bucket: Bucket, forgery: Forgery) -> IntegrityError:
    """Restore from a bucket with a forgery in it; return the error, nothing is left."""
    bucket.put(forgery)

    with pytest.raises(IntegrityError) as error:
        bucket.restore("shop")

    assert error.value.exit_code == 15
    assert error.value.hint
    assert not bucket.left()
    assert not {"\x1b", "\x07", "\u202e"} & set(str(error.value))
    return error.value


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("what", [row, directory_row, lambda at: link_row(at, b"x")])
def test_no_path_leads_out_of_a_target(bucket, name, what):
    refused(bucket, Forgery(change=rows(FINE, what(PATHS[name]))))


@pytest.mark.parametrize("name", PLACES)
def test_nothing_is_where_nothing_can_be(bucket, name):
    refused(bucket, Forgery(change=rows(*PLACES[name])))


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_made_but_files_directories_and_links(bucket, name):
    refused(bucket, Forgery(change=rows(FINE, KINDS[name])))


@pytest.mark.parametrize("name", WHOLES)
def test_a_manifest_that_is_odd_is_damage(bucket, name):
    refused(bucket, Forgery(change=WHOLES[name]))


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_manifest_that_is_no_json_of_ours_is_damage(bucket, name):
    spelled = SPELLINGS[name]
    refused(
        bucket,
        Forgery(
            json_of=lambda told: spelled(
                json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
            )
        ),
    )


def test_a_tree_that_is_not_the_one_that_was_kept_never_is_the_newest(bucket):
    bucket.put(Forgery(change=at("snaps", 0, "tree", value=HEX0)))

    with pytest.raises(Parked):
        bucket.restore("shop")

    assert not bucket.left()


def test_a_size_beyond_the_disk_is_known_before_anything_is_written(bucket):
    huge = row(b"evil", size=2**63 - 1)
    bucket.put(Forgery(change=rows(FINE, huge)), Forgery("other", contents={A: b"1"}))

    with pytest.raises(NoSpace):
        bucket.restore("shop@1")

    assert not bucket.left()


def test_what_is_legal_is_restored_as_it_is_and_never_followed(bucket, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "theirs").write_text("theirs")
    links = {
        b"absolute": b"/etc/passwd",
        b"climbs": b"../../../../etc",
        b"itself": b"itself",
        b"to nothing": b"nowhere",
        b"to what is theirs": os.fsencode(outside),
    }
    odd = {b"back\\slash": b"2", b"\xff\xfe": b"3", b"a\nb\x1b[2J": b"4", b"...": b"5"}
    bucket.put(
        Forgery(
            contents={A: b"1", b"APP.JS": b"upper", **odd},
            rows=[
                directory_row(b"d", 0o000),
                link_row(b"d/\xe2\x80\xae", b"x"),
                *(link_row(path, target) for path, target in links.items()),
            ],
        )
    )

    bucket.restore("shop")

    top = os.fsencode(bucket.target)
    for path, target in links.items():
        assert os.readlink(os.path.join(top, path)) == target
    for path, contents in odd.items():
        assert Path(os.fsdecode(os.path.join(top, path))).read_bytes() == contents
    assert [one.name for one in outside.iterdir()] == ["theirs"]
    assert (bucket.target / "APP.JS").read_text() == "upper"
    assert (bucket.target / "App.js").read_text() == "1"
