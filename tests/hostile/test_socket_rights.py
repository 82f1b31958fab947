"""Who may what on the control socket: real users and groups, on a real daemon.

What one user may see of another's is in `test_isolation`; here are the four kinds of
caller that the kernel tells apart, for every route there is.
"""

import hashlib
import json
import os
import re
import shutil

import pytest

from asking_raw import answer
from callers import CALLERS, OPERATORS, OWNER, STRANGER, session_of
from daemons import until

EVERYBODY = "everybody may"
LISTS = "everybody may, and sees what is their own"
OWN = "operators may, and whose it is; to others it does not exist"
ALONE = "operators may"
SAME = "everybody hears the same, for it is not there"

ROUTES = {
    "GET /v1/info": EVERYBODY,
    "GET /v1/exports/terms": EVERYBODY,
    "GET /v1/status": LISTS,
    "GET /v1/sessions": LISTS,
    "GET /v1/builds": LISTS,
    "GET /v1/deleted": LISTS,
    "GET /v1/events": LISTS,
    "GET /v1/shares": LISTS,
    "GET /v1/templates": LISTS,
    "GET /v1/most-shared": LISTS,
    "GET /v1/status?session={sid}": LISTS,
    "GET /v1/builds/{sid}": OWN,
    "GET /v1/sessions/{sid}/versions": OWN,
    "GET /v1/versions/{sid}": OWN,
    "GET /v1/versions/{sid}@1/tree?path=": OWN,
    "GET /v1/versions/{sid}/contents?path=App.js": OWN,
    "GET /v1/versions/{sid}/offer?recorded=1": OWN,
    "GET /v1/versions/{sid}/blame?path=App.js": OWN,
    "POST /v1/versions/{sid}@1/blobs": OWN,
    "GET /v1/find?glob=*&session={sid}": OWN,
    "GET /v1/diff?new={sid}": OWN,
    "GET /v1/events?session={sid}": OWN,
    "GET /v1/shares?session={sid}": OWN,
    "GET /v1/publications?session={sid}": OWN,
    "POST /v1/sessions/{sid}/save": OWN,
    'POST /v1/flush {"session": "{sid}"}': OWN,
    'POST /v1/pause {"session": "{sid}"}': OWN,
    'POST /v1/resume {"session": "{sid}"}': OWN,
    "POST /v1/versions/{sid}/accept": ALONE,
    'POST /v1/versions/{sid}/label {"name": "one"}': OWN,
    'POST /v1/sessions/{sid}/unlabel {"name": "one"}': OWN,
    "POST /v1/versions/{sid}/pin": OWN,
    "POST /v1/versions/{sid}/unpin": OWN,
    "POST /v1/versions/{sid}/fork": OWN,
    "POST /v1/versions/{sid}/share": OWN,
    "POST /v1/versions/{sid}/plan": OWN,
    'POST /v1/sessions/{sid}/revert {"version": "1", "dry_run": true}': OWN,
    'POST /v1/templates {"name": "of-the-owner", "version": "{sid}"}': OWN,
    'POST /v1/templates/of-the-owner/delete {"dry_run": true}': OWN,
    'POST /v1/templates/of-the-owner/new {"session": ".."}': OWN,
    'POST /v1/shares/revoke {"session": "{sid}"}': OWN,
    'POST /v1/shares/show {"token": "shr-aaaaaaaaaaaa"}': SAME,
    'POST /v1/shares/import {"token": "shr-aaaaaaaaaaaa"}': SAME,
    "GET /v1/shares/shr-aaaaaaaaaaaa/audit": SAME,
    "POST /v1/versions/{sid}/publish": ALONE,
    "POST /v1/sessions/{sid}/withdraw": ALONE,
    "POST /v1/sessions/{sid}/delete": ALONE,
    "POST /v1/sessions/{sid}/undelete": ALONE,
    (
        'POST /v1/arrivals {"session": "{sid}", "seq": 1, "target": "/nowhere",'
        ' "device": 1, "inode": 1, "birth_ns": 1}'
    ): OWN,
    'POST /v1/restores {"outcome": "failed"}': EVERYBODY,
    "GET /v1/doctor": ALONE,
    "GET /v1/db": ALONE,
    "GET /v1/quota": ALONE,
    "POST /v1/quota": ALONE,
    "POST /v1/flush": ALONE,
    "POST /v1/pause": ALONE,
    "POST /v1/resume": ALONE,
    "GET /v1/find?glob=*": ALONE,
    "GET /v1/publications": ALONE,
    "GET /v1/stats": ALONE,
    "GET /v1/cost": ALONE,
    "GET /v1/audit": ALONE,
    "GET /v1/webhooks": ALONE,
    "POST /v1/webhooks/test": ALONE,
    "POST /v1/webhooks/retry": ALONE,
    "POST /v1/check": ALONE,
    "POST /v1/repair": ALONE,
    "POST /v1/drills": ALONE,
    "POST /v1/forget": ALONE,
    "POST /v1/gc": ALONE,
    "POST /v1/reload": ALONE,
    # Not done: what follows needs a daemon that records.
    'POST /v1/drain {"timeout_s": "soon"}': ALONE,
}


def request_of(row, sid):
    """Return the request that a row of the table means."""
    method, _, rest = row.replace("{sid}", sid).partition(" ")
    target, _, body = rest.partition(" ")
    said = json.loads(body) if body else {"dry_run": True}
    return {
        "method": method,
        "target": target,
        "body": said if method == "POST" else None,
    }


@pytest.fixture(scope="module")
def sid(daemon, site):
    return session_of(daemon, OWNER)


def code_of(told):
    """Return the exit code that an answer tells of; 0 if it tells of none."""
    try:
        return json.loads(told["body"].splitlines()[-1]).get("exit_code", 0)
    except (IndexError, ValueError):
        return 0


def is_as_it_should_be(kind, told, sid):
    """Return whether the answers to one request fit; `told` is by caller."""
    seen = {name: (one["status"], code_of(one)) for name, one in told.items()}
    operators = [seen[name] for name in OPERATORS]
    owner, stranger = seen["owner"], seen["stranger"]
    if kind in (EVERYBODY, LISTS):
        shown = sid in told["stranger"]["body"] and kind == LISTS
        return {*seen.values()} == {(200, 0)} and not shown
    if kind == OWN:
        let_in = all(status not in (403, 404) for status, _ in (*operators, owner))
        return let_in and stranger == (404, 10)
    if kind == ALONE:
        let_in = all(status != 403 for status, _ in operators)
        # Whose it is not need not even know that there is something.
        turned_away = stranger in ((403, 12), (404, 10))
        return let_in and owner == (403, 12) and turned_away
    return len({(one["status"], one["body"]) for one in told.values()}) == 1


def patterns_of(path):
    """Return the table of routes, as the daemon itself says it."""
    told = answer(str(path), {"method": "GET", "target": "/v1/no-such-route"})
    hint = json.loads(told["body"])["hint"].removesuffix(".")
    return re.findall(r"(?:GET|POST) /[^ ,]+", hint)


def pattern_of(row, patterns):
    """Return which route a row of the table is about: the one with most in plain."""
    method, target = row.split(" ")[:2]
    words = f"{method} {target.partition('?')[0]}".split("/")

    def fits(pattern):
        own = pattern.split("/")
        pairs = zip(own, words, strict=False)
        return len(own) == len(words) and all(
            one == other or one.startswith("{") for one, other in pairs
        )

    return min(filter(fits, patterns), key=lambda pattern: pattern.count("{"))


def test_every_route_is_in_the_table(daemon, socket_path):
    patterns = patterns_of(socket_path)

    untold = {*patterns} - {pattern_of(row, patterns) for row in ROUTES}

    # Say in ROUTES who may.
    assert untold == set()


def test_each_route_knows_root_the_group_the_owner_and_the_stranger(
    as_root, daemon, sid, socket_path
):
    asked = [request_of(row, sid) for row in ROUTES]

    told = {name: who.asks(socket_path, asked) for name, who in CALLERS.items()}

    wrong = [
        (
            row,
            kind,
            {name: (one["status"], one["body"][:80]) for name, one in by.items()},
        )
        for number, (row, kind) in enumerate(ROUTES.items())
        for by in [{name: answers[number] for name, answers in told.items()}]
        if not is_as_it_should_be(kind, by, sid)
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_who_squats_a_session_gains_nothing(as_root, daemon, site, socket_path):
    """Whoever makes the directory of somebody else's session has that and no more."""
    sid = session_of(daemon, OWNER)
    place = site.watch / f"expo-{sid}"
    shutil.rmtree(place)
    daemon.await_end(sid)
    before = site.versions(sid)
    squat = site.top / f"squat-{sid}"
    squat.mkdir()
    (squat / "App.js").write_text("of the squatter")
    for one in (squat, squat / "App.js"):
        os.chown(one, STRANGER, STRANGER)
    squat.rename(place)
    until(
        lambda: f"of uid {STRANGER}" in json.dumps(daemon.ask("status")), "it is seen"
    )
    squatter, owner = CALLERS["stranger"], CALLERS["owner"]
    rows = [row for row, kind in ROUTES.items() if kind == OWN and "{sid}" in row]

    told = squatter.asks(socket_path, [request_of(row, sid) for row in rows])
    lists = [row for row, kind in ROUTES.items() if kind == LISTS]
    listed = squatter.asks(socket_path, [request_of(row, sid) for row in lists])
    (offered,) = owner.asks(
        socket_path,
        [{"method": "GET", "target": f"/v1/versions/{sid}@1/contents?path=App.js"}],
    )

    assert len(rows) > 20
    gained = [
        (row, one) for row, one in zip(rows, told, strict=True) if code_of(one) != 10
    ]
    assert gained == []
    listing = dict(zip(lists, listed, strict=True))
    statuses = [row for row in lists if row.startswith("GET /v1/status")]
    for row in statuses:
        (own,) = json.loads(listing.pop(row)["body"])["sessions"]
        assert own["last_error"].endswith("somebody else's")
        assert (own["last_seq"], own["pending"], own["unsaved_since"]) == (
            None,
            0,
            None,
        )
    assert {row: one for row, one in listing.items() if sid in one["body"]} == {}
    assert offered["body"] == f"of {sid}"
    assert site.versions(sid) == before
    assert (place / "App.js").read_text() == "of the squatter"


def test_a_digest_that_is_guessed_opens_nothing(as_root, daemon, sid, socket_path):
    """Not by an own version, and not by having stored the same contents."""
    mine = session_of(daemon, STRANGER)
    digest = hashlib.sha256(f"of {sid}".encode()).hexdigest()
    unknown = hashlib.sha256(b"nobody has this").hexdigest()
    ask = {"method": "POST", "target": f"/v1/versions/{mine}@1/blobs"}

    known, nothing = CALLERS["stranger"].asks(
        socket_path,
        [{**ask, "body": {"digests": [one]}} for one in (digest, unknown)],
    )

    assert known["status"] == nothing["status"]
    assert known["body"].replace(digest, unknown) == nothing["body"]
    assert f"of {sid}" not in known["body"]
