"""What the daemon does works in its sandbox; what cannot, is refused in clear words."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from daemons import until
from packaged import DAEMON, QUICK, UNITS
from wires import wire_to

BUSY = f"""\
{QUICK}\
compat-archive: always
database: {{facts-within: 1s}}
"""
SAME_USER = UNITS / "examples/same-user"


@pytest.fixture
def over_tcp(host) -> Iterator[None]:
    """Reach Postgres without passing through a directory of its own."""
    with wire_to(host.site.database_url) as (wire, dsn):
        parts = conninfo_to_dict(dsn)
        who = f"{parts['user']}:{quote(str(parts['password']), safe='')}"
        url = f"postgresql://{who}@127.0.0.1:{wire.port}/{parts['dbname']}"
        host.credential("database-url", url)
        yield


def complaints(host) -> list[str]:
    """Return what the daemon said that is a warning or worse."""
    return [
        str(entry["MESSAGE"])
        for entry in host.machine.journal(DAEMON)
        if entry.get("_PID") != "1" and int(entry.get("PRIORITY", 6)) <= 4
    ]


def test_a_day_of_work_leaves_no_complaint_in_the_journal(host):
    host.configure(BUSY)
    host.start()
    sid, directory = host.session()
    host.make(directory, {"app.json": "{}", ".env": "SECRET=1"})
    (directory / ".env").chmod(0o600)
    host.await_versions(sid, 1)
    # A directory that was made later is watched as well.
    host.make(directory / "src", {"App.js": "export default 1\n" * 500})
    host.await_versions(sid, 2)

    for words in (
        ("save", sid, "-m", "by hand", "--label", "good"),
        ("restore", f"{sid}@good", "--to", "/srv/app/back"),
        ("drill", sid),
        ("check", sid, "--read-data"),
        ("fork", sid, "--session", f"{sid}-fork"),
        ("revert", sid, f"{sid}@1"),
        ("export", sid, "--format", "tar.gz", "-o", "/srv/app/out.tar.gz"),
        ("publish", "create", f"{sid}@1", "--yes"),
        ("plan", sid, "--compat"),
        ("share", "create", sid, "--allow-secrets"),
        ("forget", sid, "--keep-last", "1", "--dry-run"),
        ("gc",),
        ("flush", "--all", "--wait"),
        ("doctor",),
    ):
        done = host.cli(*words)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"

    assert complaints(host) == []
    # What it keeps for a moment is nowhere that others can see.
    cache = host.machine.path("/var/cache/expokeep")
    assert cache.stat().st_mode & 0o777 == 0o700
    assert (host.machine.path("/srv/app/back") / ".env").read_text() == "SECRET=1"


def test_hooks_are_refused_in_words_and_nothing_else_suffers(host):
    host.configure(QUICK + "hooks: {on-version: 'true'}\n")
    host.start()
    sid, directory = host.session()
    host.make(directory, {"app.json": "{}"})
    host.await_versions(sid, 1)

    assert "hooks are not run" in host.story()
    assert "not root" in host.story()
    assert "not root" in host.cli("doctor").stdout


def test_one_user_for_all_needs_no_capability(host, over_tcp):
    for unit in (DAEMON, "expokeep-restore@.service"):
        example = SAME_USER / f"{unit}.d/10-same-user.conf"
        host.drop_in(unit, example.read_text().replace("www-data", "app"))
    host.start()
    sid, directory = host.session()
    host.make(directory, {"app.json": "{}"})
    (directory / "app.json").chmod(0o600)
    host.await_versions(sid, 1)

    status = host.machine.path(f"/proc/{host.machine.main_pid(DAEMON)}/status")
    lines = status.read_text().splitlines()
    assert [line for line in lines if line.startswith("Cap")] == [
        f"{name}:\t0000000000000000"
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    ]
    host.remove(directory)
    host.machine.do("systemctl", "start", f"expo@{sid}.service")
    assert (directory / "app.json").read_text() == "{}"
    until(lambda: directory.stat().st_uid == host.app_uid(), "it is the user's")
