"""Nobody can read, tell of, or touch what is another's: through no route there is.

The daemon itself says which routes it has. For each of them it is written here how one
would ask for somebody else's things by it; a route of which nothing is written fails.
Each request is made twice: for what another user has, and for what nobody has. The two
answers must be the same, byte for byte, but for the names that were asked for.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from asking_raw import answer
from daemons import NOBODY, as_nobody
from expokeep.model.digest import digest_of

ANN, BOB = "user-one", "user-two"

SECRETS = {
    "project": "annswildproject",
    "contents": "contents that only ann knows",
    "message": "message of anns",
    "file": "annsonlyfile.js",
}
"""What no answer to anybody else may hold, however it was asked for."""

REFS = (
    "{session}",
    "{session}@1",
    "{session}@-1",
    "{session}@good",
    "{session}@9h",
    "{session}@label:{label}",
    "{session}@pack:{pack}",
    "{prefix}",
    "{prefix}@1",
    "{own}@label:{label}",
    "{own}@pack:{pack}",
)


@dataclass(frozen=True)
class Ask:
    """One way of asking; what is in braces is replaced by a name."""

    target: str
    body: object = None


def each(pattern, body=None, refs=REFS):
    """Ask for each way of naming a version."""
    asked = [Ask(pattern.replace("{ref}", ref), body) for ref in refs]
    return [*asked, Ask(asked[0].target + ("&" if "?" in pattern else "?") + SHORT)]


def both(pattern, body=None):
    """Ask for a session by its id, and by how it begins."""
    short = pattern.replace("{session}", "{prefix}")
    return [Ask(pattern, body), Ask(short, body), Ask(f"{short}?{SHORT}", body)]


SHORT = "abbreviated=1"
VERSION = "/v1/versions/{ref}"
ONE = "/v1/sessions/{session}"
GLOB = "/v1/find?glob=*&session="
OLD_NEW = ("old={ref}&new={own}@1", "old={own}@1&new={ref}", "new={ref}")

CASES = {
    "GET /v1/info": [Ask("/v1/info")],
    "GET /v1/status": [Ask("/v1/status"), *both("/v1/status?session={session}")],
    "GET /v1/doctor": [Ask("/v1/doctor")],
    "GET /v1/db": [Ask("/v1/db")],
    "GET /v1/sessions": [
        Ask("/v1/sessions"),
        Ask("/v1/sessions?user={owner}"),
        Ask("/v1/sessions?prefix={prefix}"),
        Ask("/v1/sessions?prefix={session}&sort=size"),
    ],
    "GET /v1/builds": [
        Ask("/v1/builds"),
        Ask("/v1/builds?user={owner}"),
        Ask("/v1/builds?shared=true"),
        Ask("/v1/builds?deleted=true"),
        Ask("/v1/builds?after=2999-01-01T00:00:00%2B00:00~{session}"),
    ],
    "GET /v1/builds/{session}": both("/v1/builds/{session}"),
    "GET /v1/quota": [Ask("/v1/quota"), Ask("/v1/quota?user={owner}")],
    "POST /v1/quota": [Ask("/v1/quota", {"user": "{owner}", "builds": 1})],
    "GET /v1/deleted": [Ask("/v1/deleted")],
    "POST /v1/sessions/{session}/save": [
        *both(f"{ONE}/save", {"message": "mine now"}),
        Ask(f"{ONE}/save", {"user": BOB, "force": True}),
    ],
    "GET /v1/sessions/{session}/versions": [
        *both(f"{ONE}/versions"),
        Ask(f"{ONE}/versions?counts=true&epochs=true&labels=true"),
    ],
    "POST /v1/sessions/{session}/delete": [
        *both(f"{ONE}/delete", {}),
        Ask(f"{ONE}/delete", {"now": True}),
        Ask(f"{ONE}/delete", {"dry_run": True}),
    ],
    "POST /v1/sessions/{session}/undelete": both(f"{ONE}/undelete", {}),
    "POST /v1/sessions/{session}/unlabel": both(f"{ONE}/unlabel", {"name": "{label}"}),
    "POST /v1/sessions/{session}/revert": [
        *both(f"{ONE}/revert", {"version": "1"}),
        Ask(f"{ONE}/revert", {"version": "{own}@1", "dry_run": True}),
        Ask("/v1/sessions/{own}/revert", {"version": "{session}@1", "dry_run": True}),
        Ask("/v1/sessions/{own}/revert", {"version": "pack:{pack}", "dry_run": True}),
        Ask("/v1/sessions/{own}/revert", {"version": "label:{label}"}),
    ],
    "POST /v1/sessions/{session}/withdraw": [
        *both(f"{ONE}/withdraw", {}),
        Ask(f"{ONE}/withdraw", {"id": "{publication}"}),
        Ask("/v1/sessions/{own}/withdraw", {"id": "{publication}"}),
    ],
    "POST /v1/flush": [
        Ask("/v1/flush", {}),
        *both("/v1/flush", {"session": "{session}"}),
        Ask("/v1/flush", {"session": "{prefix}"}),
    ],
    "POST /v1/pause": [
        Ask("/v1/pause", {}),
        *both("/v1/pause", {"session": "{session}", "for_s": 3}),
    ],
    "POST /v1/resume": [
        Ask("/v1/resume", {}),
        *both("/v1/resume", {"session": "{session}"}),
    ],
    "POST /v1/arrivals": [
        Ask(
            "/v1/arrivals",
            {
                "session": "{session}",
                "seq": 1,
                "target": "/tmp/expo-stolen",
                "device": 1,
                "inode": 1,
                "birth_ns": 1,
                "force": True,
            },
        )
    ],
    "POST /v1/restores": [Ask("/v1/restores", {"outcome": "restored"})],
    "GET /v1/versions/{ref}": each(VERSION),
    "GET /v1/versions/{ref}/tree": each(f"{VERSION}/tree?path="),
    "GET /v1/versions/{ref}/contents": each(f"{VERSION}/contents?path=App.js"),
    "GET /v1/versions/{ref}/offer": each(f"{VERSION}/offer"),
    "GET /v1/versions/{ref}/blame": each(f"{VERSION}/blame?path=App.js"),
    "POST /v1/versions/{ref}/accept": each(f"{VERSION}/accept", {}),
    "POST /v1/versions/{ref}/label": each(f"{VERSION}/label", {"name": "{label}"}),
    "POST /v1/versions/{ref}/pin": each(f"{VERSION}/pin", {}),
    "POST /v1/versions/{ref}/unpin": each(f"{VERSION}/unpin", {}),
    "POST /v1/versions/{ref}/fork": each(f"{VERSION}/fork", {}),
    "POST /v1/versions/{ref}/share": each(f"{VERSION}/share", {"dry_run": True}),
    "POST /v1/versions/{ref}/plan": each(f"{VERSION}/plan", {}),
    "POST /v1/versions/{ref}/publish": each(f"{VERSION}/publish", {}),
    "POST /v1/versions/{ref}/blobs": [
        *each(f"{VERSION}/blobs", {"digests": ["{digest}"]}),
        # The right to a version of one's own is none to contents of another's.
        Ask("/v1/versions/{own}@1/blobs", {"digests": ["{digest}"]}),
    ],
    "GET /v1/find": [
        Ask("/v1/find?glob=*"),
        Ask(GLOB + "{session}"),
        Ask(GLOB + "{prefix}"),
        Ask(GLOB + "{prefix}&" + SHORT),
        Ask(GLOB + "{own}&session={session}"),
        Ask("/v1/find?digest={digest}"),
        Ask("/v1/find?digest={digest}&session={session}"),
        Ask("/v1/find?digest={digest}&session={own}"),
    ],
    "GET /v1/diff": [
        Ask("/v1/diff?detail=patch&" + how.replace("{ref}", ref))
        for how in OLD_NEW
        for ref in REFS
    ],
    "GET /v1/shares": [
        Ask("/v1/shares"),
        Ask("/v1/shares?all=true"),
        Ask("/v1/shares?session={session}"),
    ],
    "POST /v1/shares/show": [
        Ask("/v1/shares/show", {"token": "{share}"}),
        Ask("/v1/shares/show", {"token": "{token}"}),
    ],
    "POST /v1/shares/revoke": [
        Ask("/v1/shares/revoke", {"token": "{share}"}),
        Ask("/v1/shares/revoke", {"token": "{token}"}),
        Ask("/v1/shares/revoke", {"session": "{session}"}),
    ],
    # The token is carol's alone.
    "POST /v1/shares/import": [
        Ask("/v1/shares/import", {"token": "{share}"}),
        Ask("/v1/shares/import", {"token": "{token}"}),
        Ask("/v1/shares/import", {"token": "{token}", "password": "guess"}),
    ],
    "GET /v1/shares/{share}/audit": [
        Ask("/v1/shares/{share}/audit"),
        Ask("/v1/shares/{token}/audit"),
    ],
    "GET /v1/most-shared": [Ask("/v1/most-shared")],
    "GET /v1/templates": [Ask("/v1/templates")],
    "POST /v1/templates": [
        Ask("/v1/templates", {"name": "{template}", "version": ref}) for ref in REFS
    ],
    "POST /v1/templates/{name}/new": [Ask("/v1/templates/{template}/new", {})],
    "POST /v1/templates/{name}/delete": [
        Ask("/v1/templates/{template}/delete", {}),
        Ask("/v1/templates/{template}/delete", {"dry_run": True}),
    ],
    "GET /v1/exports/terms": [Ask("/v1/exports/terms")],
    "GET /v1/publications": [
        Ask("/v1/publications"),
        *both("/v1/publications?session={session}"),
    ],
    "GET /v1/stats": [Ask("/v1/stats"), Ask("/v1/stats?by=user")],
    "GET /v1/cost": [Ask("/v1/cost")],
    "GET /v1/events": [Ask("/v1/events"), *both("/v1/events?session={session}")],
    "GET /v1/audit": [Ask("/v1/audit"), Ask("/v1/audit?session={session}")],
    "GET /v1/webhooks": [Ask("/v1/webhooks")],
    "POST /v1/webhooks/test": [Ask("/v1/webhooks/test", {"webhook": "any"})],
    "POST /v1/webhooks/retry": [Ask("/v1/webhooks/retry", {})],
    "POST /v1/check": [Ask("/v1/check", {"session": "{session}"})],
    "POST /v1/repair": [Ask("/v1/repair", {"what": "catalog"})],
    "POST /v1/drills": [Ask("/v1/drills", {"version": "{session}@1"})],
    "POST /v1/forget": [Ask("/v1/forget", {"session": "{session}", "keep_last": 1})],
    "POST /v1/gc": [Ask("/v1/gc", {})],
    "POST /v1/drain": [Ask("/v1/drain", {"timeout_s": 1})],
    "POST /v1/reload": [Ask("/v1/reload", {})],
}
"""How to ask for what is another's, by each route."""


def socket_of(daemon) -> str:
    return str(daemon.state / "control.sock")


def routes_of(daemon) -> list[str]:
    """Return the table of routes, as the daemon itself says it."""
    told = answer(socket_of(daemon), {"method": "GET", "target": "/v1/no-such-route"})
    hint = json.loads(told["body"])["hint"]
    return re.findall(r"(?:GET|POST) /[^ ,]+(?<!\.)", hint.removesuffix("."))


def session_of(daemon, site, user, uid, files):
    """Make a session of a user, with one version, in a directory of a uid."""
    sid, place = site.session(f"of-{user}")
    made = site.top / f"made-{sid}"
    made.mkdir()
    for name, contents in files.items():
        (made / name).write_text(contents)
    for one in (made, *made.iterdir()):
        os.chown(one, uid, -1)
    made.rename(place)
    daemon.await_versions(sid, 1)
    said = ("-m", SECRETS["message"]) if user == ANN else ()
    daemon.lines("save", sid, "--user", user, *said)
    return sid


@pytest.fixture(scope="module")
def worlds(daemon, site):
    """What ann has, and what nobody has; bob has a session of his own."""
    ann = session_of(
        daemon,
        site,
        ANN,
        os.geteuid(),
        {
            "App.js": SECRETS["contents"],
            SECRETS["file"]: "same for both",
            "package.json": json.dumps({"name": SECRETS["project"]}),
        },
    )
    bob = session_of(
        daemon, site, BOB, NOBODY, {"App.js": "bobs", "package.json": "{}"}
    )

    def do(target, body):
        told = answer(
            socket_of(daemon),
            {
                "method": "POST",
                "target": target,
                "body": body,
                "headers": {"Expokeep-User": ANN},
            },
        )
        assert told["status"] == 200, told
        return json.loads(told["body"].splitlines()[-1])

    do(f"/v1/versions/{ann}@1/label", {"name": "annslabel"})
    do(f"/v1/versions/{ann}@1/pin", {})
    do("/v1/templates", {"name": "annstemplate", "version": f"{ann}@1"})
    lent = do(f"/v1/versions/{ann}@1/share", {"to": ["carol"]})
    public = do(f"/v1/versions/{ann}@1/publish", {})
    versions = site.versions(ann)
    mine = {
        "session": ann,
        "prefix": ann[:-3],
        "label": "annslabel",
        "pack": str(versions[-1]["pack"]),
        "digest": digest_of(SECRETS["contents"].encode()).hex(),
        "share": lent["share"]["share"],
        "token": lent["token"],
        "template": "annstemplate",
        "publication": public["published"]["id"],
        "owner": ANN,
    }
    nothing = {
        "session": f"of-{ANN}-{uuid.uuid4().hex[:12]}",
        "prefix": f"of-{ANN}-{uuid.uuid4().hex[:9]}",
        "label": "nolabel",
        "pack": str(uuid.uuid4()),
        "digest": digest_of(uuid.uuid4().bytes).hex(),
        "share": "shr-" + "a" * 12,
        "token": secrets.token_urlsafe(32),
        "template": "notemplate",
        "publication": _like(public["published"]["id"]),
        "owner": "nobody-at-all",
    }
    assert mine.keys() == nothing.keys()
    return {**mine, "own": bob}, {**nothing, "own": bob}


def _like(word):
    """Return a word that is made of the same letters, and means nothing."""
    return word[:4] + word[4:][::-1]


def filled(text: str, world) -> str:
    """Return a template with the names of a world in it."""
    return re.sub(r"\{(\w+)\}", lambda found: world[found[1]], text)


def requests(world, headers):
    """Return every request there is, with the names of a world."""
    return [
        {
            "method": route.partition(" ")[0],
            "target": quote(filled(ask.target, world), safe="/?&=%@:~*"),
            "body": None
            if ask.body is None
            else json.loads(filled(json.dumps(ask.body), world)),
            "headers": headers,
        }
        for route, asks in CASES.items()
        for ask in asks
    ]


VOLATILE = re.compile(
    r'"(used_bytes|free_bytes|lag_s|number|pid|took_s|captured)": ?[\d.]+'
)


def plain(told, world) -> str:
    """Return an answer without the names that were asked for."""
    text = f"{told['status']} {told['body']}"
    for name in sorted(world, key=lambda name: -len(world[name])):
        if name != "own":
            text = text.replace(world[name], f"<{name}>")
            text = text.replace(quote(world[name], safe=""), f"<{name}>")
    return VOLATILE.sub(r'"\1":0', text)


ROWS = """
SELECT to_jsonb(s), (SELECT jsonb_agg(v ORDER BY seq) FROM version v
                      WHERE v.session = s.id),
       (SELECT jsonb_agg(l ORDER BY name) FROM label l WHERE l.session = s.id),
       (SELECT jsonb_agg(t ORDER BY name) FROM template t WHERE t.session = s.id),
       (SELECT jsonb_agg(to_jsonb(h) - 'wrong_count' - 'wrong_since' ORDER BY id)
          FROM share h WHERE h.session = s.id),
       (SELECT jsonb_agg(q ORDER BY q.owner) FROM quota q),
       (SELECT count(*) FROM session)
  FROM session s WHERE sid = %s
"""


def rows(site, session):
    """Return all that is known of a session."""
    with psycopg.connect(
        site.database_url, options="-csearch_path=expokeep"
    ) as connection:
        return connection.execute(ROWS, [session]).fetchall()


def objects(site):
    with site.asking() as s3:
        found = s3.list_objects_v2(Bucket=site.bucket)
        return sorted(
            one["Key"]
            for one in found.get("Contents", ())
            if "/_meta/" not in one["Key"]  # facts of what was done before come late
        )


def by_header(daemon):
    def ask(asked):
        return [answer(socket_of(daemon), one) for one in asked]

    return ask, {"Expokeep-User": BOB}


def by_uid(daemon):
    def ask(asked):
        program = Path(__file__).parents[1] / "asking_raw.py"
        done = subprocess.run(
            [*as_nobody(), sys.executable, str(program), socket_of(daemon)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return json.loads(done.stdout)

    return ask, {}


def test_every_route_is_asked_for_what_is_anothers(daemon):
    known = set(routes_of(daemon))

    # Say in CASES how one would ask for another user's things by it.
    assert known - CASES.keys() == set()
    assert CASES.keys() - known == set()


@pytest.mark.parametrize("caller", [by_header, by_uid])
def test_what_is_anothers_is_as_if_it_were_not(as_root, daemon, site, worlds, caller):
    mine, nothing = worlds
    ask, headers = caller(daemon)
    before = rows(site, mine["session"]), objects(site)

    asked = requests(mine, headers)
    told = ask(asked)
    as_nothing = ask(requests(nothing, headers))

    differing = [
        (
            one["method"],
            one["target"],
            one["body"],
            plain(own, mine),
            plain(no, nothing),
        )
        for one, own, no in zip(asked, told, as_nothing, strict=True)
        if plain(own, mine) != plain(no, nothing)
    ]
    leaking = [
        (one["method"], one["target"], secret)
        for one, own in zip(asked, told, strict=True)
        for secret in SECRETS.values()
        if secret in own["body"]
    ]
    assert not differing, "\n".join(map(str, differing))
    assert leaking == []
    assert (rows(site, mine["session"]), objects(site)) == before


def test_ann_herself_is_answered(as_root, daemon, worlds):
    mine, _nothing = worlds
    ask, _ = by_header(daemon)
    reading = [
        f"/v1/versions/{mine['session']}@1",
        f"/v1/versions/{mine['session']}@1/contents?path=App.js",
        f"/v1/builds/{mine['session']}",
        f"/v1/find?glob=*&session={mine['session']}",
        f"/v1/diff?new={mine['session']}@1",
        "/v1/shares",
        "/v1/templates",
    ]

    told = ask(
        [
            {"method": "GET", "target": target, "headers": {"Expokeep-User": ANN}}
            for target in reading
        ]
    )

    assert [one["status"] for one in told] == [200] * len(reading)
