"""Sharing through the real daemon and the real command line, as two users do it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from daemons import (
    NOBODY,
    Daemon,
    appear,
    as_nobody,
    daemon_on,
    differences,
    until,
)
from expo_template import FILES
from expokeep.control.client import Client
from expokeep.errors import ExpokeepError

ANN, BOB = "ann@example.com", "bob@example.com"
PASSWORD = "correct horse canary staple"
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\b")


def kept(daemon: Daemon, owner: str | None = ANN, files=None):
    """Keep a project that belongs to somebody; return its session and directory."""
    sid, place = daemon.site.session("shop")
    appear(place, files or {"App.js": f"of {sid}", "src/a.ts": "a", **FILES})
    daemon.await_versions(sid, 1)
    if owner is not None:
        assert daemon.cli("save", sid, "--user", owner).returncode == 0
    return sid, place


@pytest.fixture(scope="module")
def shop(daemon):
    """A project of Ann's that nobody changes."""
    return kept(daemon)


def refusal(daemon: Daemon, user: str | None, path: str, body=None):
    """Return with which exit code and words the daemon turns somebody away."""
    client = Client(daemon.state / "control.sock", user=user)
    try:
        client.get(path) if body is None else client.post(path, body)
    except ExpokeepError as error:
        return error.exit_code, str(error), error.hint
    return 0, "", ""


def as_(user, *words):
    return ("--as", user, *words)


def lent(daemon: Daemon, ref: str, *words, user=ANN) -> str:
    """Lend a version; return the link."""
    made = daemon.cli(*as_(user, "share", "create", ref, *words))
    assert made.returncode == 0, made.stderr + daemon.story
    return made.stdout.strip()


def objects(site) -> set[str]:
    with site.asking() as s3:
        listed = s3.list_objects_v2(Bucket=site.bucket).get("Contents", ())
        return {one["Key"] for one in listed}


def accessed(site, sid):
    with psycopg.connect(site.database_url) as connection:
        query = "SELECT accessed_at FROM expokeep.session WHERE sid = %s"
        return connection.execute(query, [sid]).fetchone()[0]


def test_a_user_imports_what_another_one_lends(daemon, site):
    sid, place = kept(daemon)
    before = site.versions(sid)
    link = lent(daemon, sid, "--expires", "7d")
    there = objects(site)

    used = accessed(site, sid)
    imported = daemon.ask(*as_(BOB, "share", "import", link))
    new = imported["session"]
    back = site.top / f"back-{new}"
    restored = daemon.cli(*as_(BOB, "restore", new, "--to", str(back)))

    assert link.startswith("http://localhost:3000/shared/")
    assert (imported["owner"], imported["version"]) == (BOB, 1)
    assert restored.returncode == 0, restored.stderr
    assert differences(place, back) == ""
    # The history of the one who lent it is as it was; no contents went up.
    assert site.versions(sid) == before
    fresh = objects(site) - there
    assert [key for key in fresh if sid in key] == []
    assert len([key for key in fresh if new in key]) == 1
    assert accessed(site, sid) > used
    top = daemon.ask(*as_(ANN, "share", "top"))["sessions"]
    assert next(one for one in top if one["session"] == sid)["imported"] == 1
    # Neither sees what is the other's.
    assert daemon.cli(*as_(BOB, "log", sid)).returncode == 10
    assert daemon.cli(*as_(ANN, "log", new)).returncode == 10


def test_an_import_tells_nothing_of_whose_it_was(daemon, site, shop):
    sid, _ = shop
    link = lent(daemon, sid)

    imported = daemon.cli(*as_(BOB, "share", "import", link, "--json"))
    new = json.loads(imported.stdout)["session"]
    said = [
        daemon.cli(*as_(BOB, *words, "--json")).stdout
        for words in (
            ("share", "show", link),
            ("log", new),
            ("show", f"{new}@1"),
            ("sessions",),
            ("share", "list", "--all"),
        )
    ]
    seen = daemon.cli(*as_(ANN, "share", "audit", share_of(daemon, link), "--json"))

    assert sid not in imported.stdout + "".join(said)
    assert ANN not in imported.stdout + "".join(said)
    assert new not in seen.stdout
    assert json.loads(seen.stdout)["used"][0]["user"] == BOB


def share_of(daemon: Daemon, link: str) -> str:
    """Return the public id of a share."""
    return daemon.ask("share", "show", link)["share"]["share"]


def test_everybody_outside_hears_one_answer(daemon, site, shop):
    sid, _ = shop
    revoked, once, other = (
        lent(daemon, sid),
        lent(daemon, sid, "--max-uses", "1"),
        lent(daemon, sid, "--to", "carol"),
    )
    over, deleted = lent(daemon, sid), kept(daemon)[0]
    of_deleted = lent(daemon, deleted)
    assert daemon.cli(*as_(ANN, "share", "revoke", revoked)).returncode == 0
    daemon.ask(*as_(BOB, "share", "import", once))
    assert daemon.cli("delete", deleted).returncode == 0
    with psycopg.connect(site.database_url) as connection:
        connection.execute(
            "UPDATE expokeep.share SET created_at = now() - interval '2 days',"
            " expires_at = now() - interval '1 second' WHERE name = %s",
            [share_of(daemon, over)],
        )
    links = {
        "revoked": revoked,
        "used_up": once,
        "not_for_them": other,
        "expired": over,
        "gone": of_deleted,
        "unknown": "http://localhost:3000/shared/" + "a" * 43,
        "malformed": "never-was",
    }

    answers = {
        refusal(daemon, BOB, f"/v1/shares/{verb}", {"token": link})
        for link in links.values()
        for verb in ("show", "import")
    }
    said = daemon.cli(*as_(BOB, "share", "import", links["unknown"]))

    assert len(answers) == 1
    assert (said.returncode, answers.pop()[0]) == (14, 14)
    listed = daemon.ask(*as_(ANN, "share", "list", "--all"))["shares"]
    states = {one["share"]: one["state"] for one in listed}
    assert states[share_of(daemon, revoked)] == "revoked"
    assert states[share_of(daemon, once)] == "used_up"
    assert states[share_of(daemon, over)] == "expired"
    assert states[share_of(daemon, of_deleted)] == "revoked"
    told = daemon.ask(*as_(ANN, "share", "audit", share_of(daemon, other)))
    assert told["refused"][0]["reason"] == "not_for_them"
    assert told["refused"][0]["last_user"] == BOB


def test_a_share_can_be_for_one_user_and_have_a_password(daemon, site, shop):
    sid, _ = shop
    made = daemon.cli(
        *as_(ANN, "share", "create", sid, "--to", BOB, "--password-stdin"),
        input=f"{PASSWORD}\n",
    )
    link = made.stdout.strip()

    def bring(user, password=None, token=link):
        words = ["share", "import", token]
        given = None
        if password is not None:
            words, given = [*words, "--password-stdin"], f"{password}\n"
            if token == "-":
                given = f"{link}\n{given}"
        return daemon.cli(*as_(user, *words), input=given)

    assert "password" in daemon.cli(*as_(BOB, "share", "show", link)).stdout
    assert bring("carol", PASSWORD).returncode == 14
    assert bring(BOB).returncode == 12
    assert bring(BOB, "wrong").returncode == 12
    assert bring(BOB, PASSWORD).returncode == 0
    assert bring(BOB, PASSWORD, token="-").returncode == 0


def test_a_share_is_of_the_version_it_was_made_of(daemon, site):
    sid, place = kept(daemon)
    fixed, newest = lent(daemon, sid), lent(daemon, sid, "--follow-head")
    (place / "App.js").write_text("edited since")
    saved = daemon.ask("save", sid)

    tokens = {"fixed": fixed, "newest": newest}
    found = {}
    for name, link in tokens.items():
        target = site.top / f"{name}-of-{sid}"
        done = daemon.cli(*as_(BOB, "share", "import", link, "--to", str(target)))
        assert done.returncode == 0, done.stderr
        found[name] = (target / "App.js").read_text()

    assert saved["version"] > 1
    assert found == {"fixed": f"of {sid}", "newest": "edited since"}


def test_what_looks_like_a_secret_is_not_lent(daemon, site):
    token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
    files = {
        "App.js": "1",
        "lib/api.ts": f"// one\nconst t = '{token}'\n",
        ".env": "A=1",
    }
    sid, _ = kept(daemon, files=files)

    refused = daemon.cli(*as_(ANN, "share", "create", sid))
    allowed = lent(daemon, sid, "--allow-secrets")

    assert refused.returncode == 4
    assert "lib/api.ts:2 (GitHub token)" in refused.stderr
    assert ".env (named like a secret)" in refused.stderr
    assert token not in refused.stderr + daemon.log
    assert daemon.cli(*as_(BOB, "share", "import", allowed)).returncode == 0


@pytest.mark.long
def test_a_secret_that_came_later_is_not_lent_with_the_newest(daemon, site):
    sid, place = kept(daemon, files={"App.js": "clean"})
    link = lent(daemon, sid, "--follow-head")
    assert daemon.cli(*as_(BOB, "share", "import", link)).returncode == 0
    (place / ".env.local").write_text("KEY=1")
    daemon.ask("save", sid)

    refused = daemon.cli(*as_(BOB, "share", "import", link))

    assert refused.returncode == 14
    told = daemon.ask(*as_(ANN, "share", "audit", share_of(daemon, link)))
    assert [one["reason"] for one in told["refused"]] == ["secrets"]


def test_only_whose_it_is_may_lend_see_and_revoke(daemon, site):
    sid, _ = kept(daemon)
    link = lent(daemon, sid)
    name = share_of(daemon, link)

    codes = {
        (path, str(body)): refusal(daemon, BOB, path, body)[0]
        for path, body in (
            (f"/v1/versions/{sid}/share", {}),
            (f"/v1/shares?session={sid}", None),
            ("/v1/shares/show", {"token": name}),
            (f"/v1/shares/{name}/audit", None),
            ("/v1/shares/revoke", {"token": name}),
            ("/v1/shares/revoke", {"session": sid}),
        )
    }
    listed = daemon.ask(*as_(BOB, "share", "list", "--all"))["shares"]
    top = daemon.ask(*as_(BOB, "share", "top"))["sessions"]

    assert codes == dict.fromkeys(codes, 10)
    assert name not in str(listed)
    assert sid not in str(top)
    # Who has the token has no right to end what it opens.
    by_token = refusal(daemon, BOB, "/v1/shares/revoke", {"token": link})
    assert by_token[0] == 14
    dry = daemon.ask(*as_(ANN, "share", "revoke", "--all", sid, "--dry-run"))
    assert dry["shares"] == [name]
    done = daemon.ask(*as_(ANN, "share", "revoke", "--all", sid))
    assert done["shares"] == [name]
    by_token = refusal(daemon, BOB, "/v1/shares/import", {"token": link})
    assert by_token[0] == 14


def test_one_use_is_one_use_however_many_come_at_once(daemon, site, shop):
    sid, _ = shop
    link = lent(daemon, sid, "--max-uses", "1")

    with ThreadPoolExecutor(6) as pool:
        done = list(
            pool.map(
                lambda number: daemon.cli(
                    *as_(f"user-{number}", "share", "import", link, "-q")
                ),
                range(6),
            )
        )

    codes = sorted(one.returncode for one in done)
    assert codes == [0] + [14] * 5
    with psycopg.connect(site.database_url) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM expokeep.session WHERE owner LIKE 'user-%'"
        ).fetchone()
    assert count == 1


def test_a_session_of_that_name_is_not_touched_and_nothing_is_counted(
    daemon, site, shop
):
    sid, _ = shop
    taken, _ = kept(daemon, owner=BOB)
    link = lent(daemon, sid, "--max-uses", "1")
    before = site.versions(taken)

    refused = daemon.cli(*as_(BOB, "share", "import", link, "--session", taken))
    named = f"named-{sid}"
    done = daemon.cli(*as_(BOB, "share", "import", link, "--session", named, "-q"))

    assert refused.returncode == 4
    assert site.versions(taken) == before
    assert done.stdout == f"{named}\n"


def test_who_may_have_no_more_builds_imports_none_and_uses_nothing(daemon, site, shop):
    sid, _ = shop
    link = lent(daemon, sid, "--max-uses", "2")
    limited = ("quota", "set", "--user", "quentin", "--builds", "1")
    assert daemon.cli(*limited).returncode == 0

    done = [
        daemon.cli(*as_("quentin", "share", "import", link)).returncode
        for _ in range(2)
    ]

    assert done == [0, 13]
    assert daemon.ask("share", "show", link)["share"]["uses"] == 1


def test_a_user_of_the_host_imports_into_a_session_of_its_own(
    as_root, daemon, site, shop
):
    sid, place = shop
    link = lent(daemon, sid)
    back = site.top / "of-nobody"

    def nobody(*words):
        return daemon.cli(*words, before=as_nobody())

    refused = nobody("share", "import", link, "--user", ANN)
    made = nobody("share", "import", link, "-q")
    new = made.stdout.strip()
    restored = nobody("restore", new, "--to", back)
    again = nobody("share", "create", new, "--json")

    assert (refused.returncode, made.returncode) == (12, 0)
    assert restored.returncode == 0, restored.stderr
    assert differences(place, back) == ""
    assert {back.stat().st_uid, (back / "App.js").stat().st_uid} == {NOBODY}
    assert again.returncode == 0
    assert nobody("share", "create", sid).returncode == 10
    assert nobody("log", sid).returncode == 10


def test_neither_token_nor_password_is_anywhere_but_where_it_was_told(
    daemon, site, shop
):
    sid, _ = shop
    made = daemon.cli(
        *as_(ANN, "share", "create", sid, "--password-stdin"), input=f"{PASSWORD}\n"
    )
    token = TOKEN.search(made.stdout)[0]
    for words, given in (
        (("import", "-", "--password-stdin"), f"{token}\n{PASSWORD}\n"),
        (("import", "-", "--password-stdin"), f"{token}\n{PASSWORD} not\n"),
        (("show", "-"), f"{token}\n"),
    ):
        daemon.cli(*as_(BOB, "share", *words), input=given)
    daemon.cli(*as_(ANN, "share", "audit", token))
    daemon.cli("share", "revoke", "-", input=token)
    events = daemon.cli("events", "--json").stdout

    with psycopg.connect(site.database_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'expokeep' AND table_type = 'BASE TABLE'"
        ).fetchall()
        rows = [
            str(
                connection.execute(
                    f'SELECT t::text FROM expokeep."{name}" AS t'
                ).fetchall()
            )
            for (name,) in tables
        ]
    everywhere = "\n".join([*rows, daemon.log, events])
    assert "share.created" in events
    assert "/v1/shares/import" in everywhere
    for canary in (token, token.encode().hex(), PASSWORD, PASSWORD.encode().hex()):
        assert canary not in everywhere
    keys = (daemon.state / "pepper").stat()
    assert keys.st_mode & 0o777 == 0o600
    assert (daemon.state / "pepper").read_text().strip() not in everywhere


def test_doctor_says_that_other_hosts_do_not_know_the_key(daemon):
    checks = daemon.ask("doctor")["checks"]

    found = next(one for one in checks if one["name"] == "sharing")
    assert found["state"] == "warning"
    assert "pepper" in found["hint"]


@pytest.mark.long
def test_sharing_can_be_off(prepare_site):
    with (
        prepare_site() as site,
        daemon_on(site, environment={"ENABLE_BUILD_SHARING": "off"}) as daemon,
    ):
        daemon.start()
        sid, _ = kept(daemon, owner=None)

        done = [
            daemon.cli("share", *words)
            for words in (("create", sid), ("list",), ("import", "a" * 43))
        ]

        assert [one.returncode for one in done] == [2, 2, 2]
        assert all("sharing is off" in one.stderr for one in done)


@pytest.mark.long
@pytest.mark.parametrize("crash", ["after-share-reserve", "after-fork-seal"])
def test_a_use_is_neither_lost_nor_given_twice_when_the_daemon_dies(
    prepare_site, crash
):
    with prepare_site() as site, daemon_on(site) as daemon:
        daemon.start()
        sid, _ = kept(daemon, owner=ANN)
        link = lent(daemon, sid, "--max-uses", "1")
        assert daemon.stop() == 0
        daemon.start(crash=crash)

        cut = daemon.cli(*as_(BOB, "share", "import", link, "--session", f"new-{sid}"))
        daemon.wait()
        daemon.start()

        assert cut.returncode == 16
        if crash == "after-fork-seal":
            # It was safe: it comes true, and that was the use.
            daemon.await_versions(f"new-{sid}", 1)
            settled = "imported"
        else:
            settled = "given_back"

        def outcome():
            with psycopg.connect(site.database_url) as connection:
                # What takes half an hour of waiting otherwise.
                connection.execute(
                    "UPDATE expokeep.share_use SET used_at = now() - interval '1 day'"
                )
                connection.execute("DELETE FROM expokeep.chore WHERE name = 'shares'")
                return connection.execute(
                    "SELECT outcome FROM expokeep.share_use"
                ).fetchall()

        outcome()
        daemon.restart()
        until(lambda: outcome() == [(settled,)], f"the use is {settled}", 90)
        again = daemon.cli(*as_(BOB, "share", "import", link))
        assert again.returncode == (14 if settled == "imported" else 0)
