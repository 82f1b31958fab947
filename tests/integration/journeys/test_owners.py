"""Two hosts that keep one session: one moves its head, and neither loses anything."""

import datetime
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from expokeep import clock
from expokeep.catalog.values import Held, Host
from expokeep.errors import BackendUnreachable
from expokeep.model.digest import digest_of
from expokeep.model.version import Selector, VersionRef
from expokeep.service.shipping import Shipping
from expokeep.service.turnstile import Turnstile
from expokeep.snapshot.ship import ForeignDirectory
from expokeep.store.memory import MemoryStore
from expokeep.watch.settle import Settler
from journeys import SHOP, Keeper

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def host_of(catalog, tmp_path):
    """Makes hosts on one catalog and one store, each with a directory of the shop."""
    store, tops = MemoryStore(), {}

    def make(name, behind=catalog):
        tops[name] = tmp_path / name
        host = Keeper(behind, store, tops[name], pool, host=Host(uuid.uuid4(), name))
        host.home(SHOP).mkdir(parents=True)
        return host

    with ThreadPoolExecutor(4) as pool:
        yield make


@pytest.fixture
def a(host_of):
    """The host that has kept the shop from the first."""
    host = host_of("a")
    edit(host, "work of a")
    host.save()
    return host


@pytest.fixture
def b(host_of):
    """Another host, whose directory of the shop was never kept."""
    return host_of("b")


def edit(host, text):
    (host.home(SHOP) / "package.json").write_text("{}")
    (host.home(SHOP) / "App.js").write_text(text)


def edited(host, text):
    """Have a whole project kept, and then an edit of it; return the edit's version."""
    edit(host, "a template")
    host.save()
    edit(host, text)
    return host.save()


def die(host):
    host.catalog.heartbeat(host.host, lease_s=0)


def head(host):
    return host.catalog.resolve(VersionRef(SHOP))


def text_of(host, version):
    return host.catalog.tree(version)[b"App.js"].digest


def holder(host):
    return host.catalog.session(SHOP).host


def test_a_blank_template_on_another_host_leaves_all_where_it_is(a, b):
    edit(b, "blank")

    blank = b.save()

    assert blank.parked == "a new directory that nobody has edited yet"
    assert (head(a).seq, holder(a)) == (1, "a")


def test_not_even_a_dead_host_loses_its_session_to_a_template(a, b):
    die(a)
    edit(b, "blank")

    b.save()
    edit(a, "more work of a")

    assert a.save().parked is None
    assert holder(a) == "a"


def test_an_edit_on_another_host_is_kept_beside_while_the_first_is_alive(a, b):
    version = edited(b, "work of b")
    edit(a, "more work of a")

    assert version.parked == "host a holds this session"
    assert a.save().parked is None
    assert text_of(a, head(a)) == digest_of(b"more work of a")


def test_an_edit_on_another_host_takes_over_from_one_that_is_dead(a, b):
    die(a)

    version = edited(b, "work of b")

    assert version.parked is None
    assert (head(b), holder(b)) == (version, "b")


def test_what_the_first_host_has_left_is_kept_beside_and_in_its_order(a, b):
    for text in ("late 1", "late 2", "late 3"):
        edit(a, text)
        a.look()
    die(a)
    taken = edited(b, "work of b")

    late = [shipped.version for shipped in a.ship()]

    reason = "recorded by host a after host b took the session over"
    assert [version.parked for version in late] == [reason] * 3
    assert [version.parent for version in late] == [1, late[0].seq, late[1].seq]
    assert head(a) == taken
    assert text_of(a, late[2]) == digest_of(b"late 3")
    assert a.spool.pending(SHOP) == []


def test_a_host_that_does_not_know_yet_that_it_lost_the_session_is_fenced(a, b):
    edit(a, "late")
    sealed = a.look().sealed
    die(a)
    edited(b, "work of b")

    # It goes by what it knew when it sealed: that the session is its own.
    shipped = a.shipper.ship(sealed.entry, sealed)

    assert sealed.standing.is_ours
    assert not shipped.opened.is_ours
    assert shipped.version.parked.startswith("recorded by host a after host b took")


def test_late_work_buries_nothing_newer_even_when_the_other_host_is_dead(a, b):
    edit(a, "late")
    a.look()
    die(a)
    taken = edited(b, "work of b")
    die(b)

    (late,) = a.ship()
    edit(a, "later, knowing all that")
    after = a.save()

    assert late.version.parked.startswith("recorded by host a after host b took")
    assert after.parked is None
    assert (head(a), holder(a)) == (after, "a")
    assert after.seq > taken.seq


def test_a_restarted_host_does_not_know_what_it_knew_and_buries_nothing_either(a, b):
    edit(a, "late")
    a.look()
    die(a)
    edited(b, "work of b")
    die(b)
    a.restart()

    (late,) = a.ship()

    assert late.version.parked
    assert holder(a) == "b"


def test_work_goes_on_where_nobody_else_recorded_anything(a, b):
    edit(a, "in the backlog")
    a.look()
    die(a)
    b.home(SHOP).rmdir()
    b.restore("shop")
    die(b)

    (version,) = a.ship()

    assert version.version.parked is None
    assert holder(a) == "a"


def test_a_restore_is_refused_while_another_host_is_alive(a, b):
    b.home(SHOP).rmdir()

    with pytest.raises(Held, match="host a holds session shop"):
        b.restore("shop")

    assert not any("shop" in path.name or "staging" in path.name for path in seen(b))
    assert holder(a) == "a"


def test_a_restore_is_refused_before_a_dry_run_says_that_it_would_go(a, b):
    b.home(SHOP).rmdir()

    with pytest.raises(Held):
        b.restore("shop", dry_run=True)


def test_a_restore_is_refused_in_the_last_moment_as_well(a, b, monkeypatch):
    b.home(SHOP).rmdir()
    die(a)
    arriving = b.source.arriving

    def back(arrival):
        a.catalog.heartbeat(a.host, lease_s=30)
        arriving(arrival)

    monkeypatch.setattr(b.source, "arriving", back)

    with pytest.raises(Held):
        b.restore("shop")

    assert not any("shop" in path.name or "staging" in path.name for path in seen(b))


def seen(host):
    return list(host.top.iterdir())


@pytest.mark.parametrize("force", [False, True])
def test_a_restore_takes_the_session_over(a, b, force):
    b.home(SHOP).rmdir()
    if not force:
        die(a)

    b.restore("shop", force=force)
    edit(b, "goes on at b")
    on = b.save()
    edit(a, "and at a")
    beside = a.save()

    assert (on.parked, on.parent) == (None, 1)
    assert beside.parked == "recorded by host a after host b took the session over"
    assert (head(b), holder(b)) == (on, "b")


def test_a_restore_elsewhere_takes_nothing(a, b):
    b.restore("shop", b.top / "elsewhere")
    b.home(SHOP).rmdir()
    b.restore("shop", globs=(b"App.js",))

    assert holder(a) == "a"


def test_a_restore_on_the_same_host_needs_no_force(a):
    a.restore("shop", existing="swap")

    assert holder(a) == "a"


def test_two_hosts_agree_whose_a_session_is(a, b):
    edit(b, "not mine")
    os.chown(b.home(SHOP), 4242, 4242)

    with pytest.raises(ForeignDirectory):
        b.save()
    assert len(a.catalog.versions(SHOP)) == 1


class Skewed:
    """A clock that is off, for whoever acts between `set` and the end."""

    def __init__(self, monkeypatch):
        self.off = datetime.timedelta(0)
        now = clock.now
        monkeypatch.setattr(clock, "now", lambda: now() + self.off)


@pytest.mark.parametrize("hours", [-7, 7, -9600, 9600])
def test_hosts_whose_clocks_differ_agree_on_what_came_when(a, b, hours, monkeypatch):
    skew = Skewed(monkeypatch)
    before = a.catalog.server_time()
    skew.off = hours * HOUR
    beside = edited(b, "work of b")
    die(a)
    edit(b, "more work of b")
    taken = b.save()
    skew.off *= 0

    now = VersionRef(SHOP, Selector(age=datetime.timedelta(0)))
    past = VersionRef(SHOP, Selector(age=a.catalog.server_time() - before))

    for version in (beside, taken):
        assert before <= version.taken_at <= a.catalog.server_time()
    assert taken.parked is None
    assert head(a) == taken == a.catalog.resolve(now)
    assert a.catalog.resolve(past).seq == 1
    assert a.catalog.session(SHOP).accessed_at <= a.catalog.server_time()


@pytest.mark.parametrize("hours", [-9600, 9600])
def test_a_clock_that_jumps_between_seal_and_record_breaks_no_order(
    a, hours, monkeypatch
):
    skew = Skewed(monkeypatch)
    skew.off = hours * HOUR
    edit(a, "sealed at another time")
    a.look()
    skew.off *= 0
    (jumped,) = a.ship()
    edit(a, "after it")
    after = a.save()

    times = [one.taken_at for one in a.catalog.versions(SHOP)]
    assert times == sorted(times, reverse=True)
    assert times[0] <= a.catalog.server_time()
    assert head(a) == after
    assert jumped.version.parked is None


def test_two_hosts_that_record_at_once_lose_nothing(a, host_of):
    hosts = [a, host_of("b"), host_of("c")]
    together = threading.Barrier(len(hosts))
    rounds = 12

    def work(host):
        together.wait(10)
        for number in range(rounds):
            edit(host, f"{host.host.name} {number}")
            if host.save() is None:
                return False
            if number % 5 == 4:
                die(host)
        return host.spool.pending(SHOP) == []

    with ThreadPoolExecutor(len(hosts)) as pool:
        done = list(pool.map(work, hosts))

    versions = a.catalog.versions(SHOP)[::-1]
    kept = {text_of(a, version) for version in versions}
    made = {
        digest_of(f"{host.host.name} {number}".encode())
        for host in hosts
        for number in range(rounds)
    }
    assert done == [True] * len(hosts)
    assert [one.seq for one in versions] == list(range(1, len(versions) + 1))
    assert made <= kept
    assert len(versions) == len(hosts) * rounds + 1
    assert head(a).parked is None
    for version in versions:
        chain = [one.seq for one in versions if one.epoch == version.epoch]
        assert version.parent in (None, *chain)


class Away:
    """A catalog that does not answer for a while."""

    def __init__(self, behind):
        self.behind, self.is_away = behind, False

    def __getattr__(self, name):
        if self.is_away:
            raise BackendUnreachable("it is away")
        return getattr(self.behind, name)


def test_a_backlog_of_an_outage_is_recorded_beside_what_went_on_elsewhere(
    catalog, host_of
):
    away = Away(catalog)
    a, b = host_of("a", away), host_of("b")
    edit(a, "work of a")
    a.save()
    away.is_away = True
    for text in ("cut off 1", "cut off 2"):
        edit(a, text)
        a.look()
    catalog.heartbeat(a.host, lease_s=0)
    b.home(SHOP).rmdir()
    b.restore("shop")
    edit(b, "goes on at b")
    on = b.save()
    away.is_away = False
    waiting = Turnstile(Settler(0.0, 0.0), lambda session: session)
    shipping = Shipping(a.spool, a.shipper, a.snapshotter, waiting)

    shipping.handle(SHOP)

    late = catalog.versions(SHOP)[:2]
    assert shipping.error_of(SHOP) is None
    assert a.spool.pending(SHOP) == []
    assert {one.parked for one in late} == {
        "recorded by host a after host b took the session over"
    }
    assert head(b) == on
