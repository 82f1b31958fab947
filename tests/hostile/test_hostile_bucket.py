"""Whoever can write the bucket changes what is there: Postgres knows what it was.

On a real bucket and a real Postgres, by every way that contents come back.
"""

import json
import os

import pytest

from daemons import QUICK, daemon_on, digests, write
from damaging import CAFE, Damaging, kept
from expokeep import clock, wiring
from expokeep.catalog.drilling import PostgresSampler
from expokeep.catalog.proofs import PostgresProofs
from expokeep.check.values import Everything
from expokeep.errors import IntegrityError
from expokeep.model.version import parse_version_ref
from expokeep.pack.footer import FOOTER_BYTES, read_footer
from expokeep.restore.cache import RangeCache
from expokeep.restore.drill import Drill
from expokeep.restore.fetch import Fetcher
from hostile.forging import Forgery, bomb, frame, lying, tar_member
from journeys import SHOP

APP = b"app.js"


@pytest.fixture(scope="module")
def all_tests_site(catalog_template, postgres_server, s3_server, tmp_path_factory):
    top = tmp_path_factory.mktemp("site")
    with kept(catalog_template, postgres_server, s3_server, top) as here:
        here.remember()
        yield here


@pytest.fixture
def site(all_tests_site):
    yield all_tests_site
    all_tests_site.undo()


def data_of(whole: bytes) -> tuple[int, int]:
    """Return where the data of a pack begins and ends."""
    footer = read_footer(whole[-FOOTER_BYTES:])
    return footer.data_offset, footer.end_offset


def in_its_place(whole: bytes, other: bytes) -> bytes:
    """Return a pack with other bytes where its data was, as long as before."""
    start, end = data_of(whole)
    return whole[:start] + other[: end - start].ljust(end - start, b"\0") + whole[end:]


ATTACKS = {
    "the version before": lambda site, _: site.read(site.key(1)),
    "the version after": lambda site, _: site.read(site.key(3)),
    "another session's": lambda site, _: site.read(site.key(1, CAFE)),
    "one that was forged": lambda _site, _: Forgery(
        "shop", seq=2, contents={APP: b"// evil\n" * 100}
    ).made(),
    "forged contents": lambda _site, whole: in_its_place(
        whole, frame(tar_member(APP, b"// evil\n" * 90))
    ),
    "a bomb": lambda _site, whole: in_its_place(whole, lying(bomb(64 << 20), 1 << 30)),
    "cut": lambda _site, whole: whole[: data_of(whole)[0] + 40],
    "nothing": lambda _site, _whole: b"",
    "noise": lambda _site, whole: os.urandom(len(whole)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_not_what_was_kept_never_comes_back(site: Damaging, tmp_path, name):
    key = site.key(2)
    site.put(key, ATTACKS[name](site, site.read(key)))

    refused(lambda: site.host.restore("shop@2", tmp_path / "back"))
    refused(lambda: b"".join(history(site).cat("shop@2", APP)))
    assert os.listdir(tmp_path) == []
    assert not drilled(site, "shop@2", tmp_path).is_well
    affected = [one.affected for one in site.check(Everything()).findings]
    assert {SHOP: (2,)} in affected
    # The others are as they were.
    assert site.host.restore("shop@3", tmp_path / "well").action == "create"


def refused(act) -> None:
    with pytest.raises(IntegrityError) as error:
        act()
    assert error.value.exit_code == 15


def history(site: Damaging) -> wiring.Reading:
    host = site.host
    fetcher = Fetcher(
        site.store, RangeCache(host.top / "other", 0), host.executor, ahead=2
    )
    holdings = host.source._ties.holdings
    return wiring.reading_of(host.catalog, fetcher, holdings, host.home).history


def drilled(site: Damaging, words: str, top):
    catalog, host = site.host.catalog, site.host
    version = catalog.resolve(parse_version_ref(words, now=clock.now()))
    drill = Drill(
        catalog=catalog,
        sampler=PostgresSampler(catalog.database),
        proofs=PostgresProofs(catalog.database, host.host),
        fetcher=Fetcher(site.store, RangeCache(top, 0), host.executor, ahead=2),
        scratch=host.top / "scratch",
        host="here",
        now=clock.now,
    )
    receipt = drill.drill(version)
    assert os.listdir(drill.scratch) == []
    return receipt


def test_nothing_unproved_of_a_file_is_shown(site: Damaging):
    """Not even the first bytes: they would be on a terminal, or in a pipe."""
    key = site.key(2)
    whole = site.read(key)
    evil = frame(tar_member(APP, b"// evil 2\n" * 50))
    start, end = data_of(whole)
    assert len(evil) <= end - start
    site.put(key, whole[:start] + evil + whole[start + len(evil) :])
    site.alter(
        "UPDATE blob SET frame_length = %s FROM pack"
        " WHERE pack.id = blob.pack AND pack.key = %s",
        len(evil),
        key,
    )
    shown = []

    with pytest.raises(IntegrityError):
        shown.extend(history(site).cat("shop@2", APP))

    assert shown == []


# --- the daemon, the command line, a rebuild ----------------------------------------

PROJECT = {"package.json": "{}", "App.js": "export default 1;\n" * 20, "src/a.js": "a"}


@pytest.fixture
def kept_by_a_daemon(prepare_site):
    with prepare_site() as site, daemon_on(site, settings=QUICK) as daemon:
        daemon.start()
        sid, place = site.session("shop")
        write(place, PROJECT)
        daemon.await_versions(sid, 1)
        write(place, {"App.js": "export default 2;\n" * 20})
        daemon.await_versions(sid, 2)
        yield site, daemon, sid, place


def test_a_daemon_a_command_and_a_rebuild_take_nothing_forged(
    kept_by_a_daemon, tmp_path
):
    site, daemon, sid, place = kept_by_a_daemon
    with site.asking() as s3:
        listed = s3.list_objects_v2(Bucket=site.bucket, Prefix=f"v1/main/{sid}/")
        first, second = sorted(one["Key"] for one in listed["Contents"])
        old = s3.get_object(Bucket=site.bucket, Key=first)["Body"].read()
        s3.put_object(Bucket=site.bucket, Key=second, Body=old)
        evil = Forgery(
            sid,
            seq=9,
            contents={b"App.js": b"evil", b"package.json": b"{}"},
            rows=[["../evil", "f", 0o4755, 1, 0, "0" * 64]],
        )
        s3.put_object(Bucket=site.bucket, Key=evil.key, Body=evil.made())

    for number, how in enumerate(([], ["--direct"])):
        back = site.top / f"back-{number}"
        done = daemon.cli(*how, "restore", f"{sid}@2", "--to", back)
        assert done.returncode == 15, done.stderr
        assert "hint:" in done.stderr
        assert not back.exists()
        done = daemon.cli(*how, "cat", f"{sid}@2", "App.js")
        assert (done.returncode, done.stdout) == (15, ""), done.stderr
    done = daemon.cli(
        "--direct", "--from-bucket", "restore", sid, "--to", tmp_path / "x"
    )
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "x") != {}
    assert "evil" not in done.stdout + (tmp_path / "x/App.js").read_text()
    assert "pack not read" in done.stderr  # what was forged, and what was lost
    done = daemon.cli("rebuild", "--from-bucket", "--dry-run", "--json")
    damaged = [json.loads(line) for line in done.stdout.splitlines()]
    assert evil.key in json.dumps(damaged), done.stdout
    assert not (place.parent / "evil").exists()
    assert not (site.top / "evil").exists()
    assert {one.name for one in place.iterdir()} == {"package.json", "App.js", "src"}
