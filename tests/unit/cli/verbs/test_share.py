import io
import json

import pytest

from answering import NOON
from expokeep.errors import AccessDenied, ShareUnusable
from expokeep.share.documents import (
    PopularDocument,
    RefusalDocument,
    ShareAudit,
    ShareCreated,
    SharedBuild,
    ShareDocument,
    ShareFields,
    ShareImported,
    ShareList,
    SharesRevoked,
    ShareTop,
    SuspicionDocument,
    UseDocument,
)

CREATE = "/v1/versions/{ref}/share"
SHARES, SHOW, REVOKE = "/v1/shares", "/v1/shares/show", "/v1/shares/revoke"
IMPORT, AUDIT = "/v1/shares/import", "/v1/shares/{share}/audit"
NAME, TOKEN = "shr-abcdefghijkl", "T" * 43
LINK = f"https://app.example/shared/{TOKEN}"


def fields(**more):
    told = {
        "share": NAME,
        "state": "live",
        "session": "shop",
        "version": 3,
        "owner": "ann",
        "project_name": "Shop",
        "has_password": False,
        "users": None,
        "uses": 0,
        "max_uses": None,
        "allows_secrets": False,
        "is_known_here": True,
        "created_at": NOON,
        "created_by": "ann",
        "expires_at": NOON,
        "revoked_at": None,
        "revoked_by": None,
        "used_at": None,
    }
    return ShareFields(**{**told, **more})


def created(**more):
    told = {
        "share": fields(),
        "token": TOKEN,
        "url": LINK,
        "suspicions": (),
        "passed_over": 0,
        "dry_run": False,
    }
    return ShareCreated(**{**told, **more})


def imported(**more):
    told = {
        "session": "new",
        "version": 1,
        "owner": "bob",
        "project_name": "Shop",
        "file_count": 3,
        "size_bytes": 2048,
    }
    return ShareImported(**{**told, **more})


@pytest.fixture
def typed(monkeypatch):
    def typed(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return typed


def test_the_link_alone_goes_to_stdout(run, asked):
    asked.answers[CREATE] = created(share=fields(max_uses=1, users=("bob", "carol")))

    ended = run("share", "create", "shop@3", "--expires", "7d", "--max-uses", "1")

    assert ended.out == f"{LINK}\n"
    assert "lends shop@3 to bob, carol until" in ended.err
    assert "for 1 import." in ended.err
    assert asked.calls[-1].path == {"ref": "shop@3"}
    assert asked.body() == {
        "expires_s": 604800.0,
        "max_uses": 1,
        "to": None,
        "password": None,
        "follow_head": False,
        "allow_secrets": False,
        "dry_run": False,
    }


def test_what_looks_like_a_secret_and_is_lent_is_told(run, asked):
    one = SuspicionDocument(path="a\x1b.ts", line=2, kind="GitHub token")
    named = SuspicionDocument(path=".env", line=None, kind="named like a secret")
    asked.answers[CREATE] = created(suspicions=(one, named), passed_over=2)

    ended = run("share", "create", "shop", "--allow-secrets", "--to", "bob")

    assert "warning: a\\x1b.ts:2 looks like a secret (GitHub token)" in ended.err
    assert "warning: .env looks like a secret (named like a secret)" in ended.err
    assert "2 files were not looked into" in ended.err
    assert asked.body()["to"] == ["bob"]


def test_a_password_comes_from_the_standard_input(run, asked, typed):
    asked.answers[CREATE] = created()
    typed("correct horse\n")

    run("share", "create", "shop", "--password-stdin")

    assert asked.body()["password"] == "correct horse"


def test_an_empty_password_is_a_mistake(run, asked, typed):
    typed("\n")

    assert run("share", "create", "shop", "--password-stdin").code == 2
    assert asked.calls == []


def test_a_dry_run_makes_no_link(run, asked):
    asked.answers[CREATE] = created(share=None, token=None, url=None, dry_run=True)

    ended = run("share", "create", "shop", "--dry-run")

    assert ended.out == "shop would be lent\n"


def test_shares_are_listed_with_their_states(run, asked):
    asked.answers[SHARES] = ShareList(
        shares=(
            fields(),
            fields(state="used_up", version=None, uses=2, max_uses=2, users=("bob",)),
        ),
        truncated=True,
    )

    ended = run("share", "list", "shop", "--all")

    assert "live" in ended.out
    assert "used up" in ended.out
    assert "the newest of shop" in ended.out
    assert "2 of 2" in ended.out
    assert "everybody with the link" in ended.out
    assert ended.err == "There are more.\n"
    assert asked.query() == {"session": ["shop"], "all": ["true"], "limit": ["1000"]}


def test_a_share_of_ones_own_is_shown_in_full(run, asked):
    share = fields(revoked_at=NOON, revoked_by="ann", is_known_here=False)
    asked.answers[SHOW] = ShareDocument(share=share)

    ended = run("share", "show", NAME)

    assert "revoked" in ended.out
    assert "see `doctor`" in ended.out
    assert asked.body() == {"token": NAME}


@pytest.mark.parametrize(
    ("has_password", "told"), [(False, "project    Shop"), (True, "has a password")]
)
def test_of_anothers_share_is_shown_what_may_be_imported(
    run, asked, typed, has_password, told
):
    asked.answers[SHOW] = SharedBuild(
        project_name=None if has_password else "Shop",
        has_password=has_password,
        file_count=3,
        size_bytes=10,
        expires_at=NOON,
        uses_left=None,
    )
    typed(f"{LINK}\n")

    ended = run("share", "show", "-")

    assert told in ended.out
    assert asked.body() == {"token": LINK}


def test_shares_are_revoked_one_or_all_of_a_session(run, asked):
    asked.answers[REVOKE] = SharesRevoked(shares=(NAME,), dry_run=False)

    one = run("share", "revoke", NAME)
    every = run("share", "revoke", "--all", "shop", "--yes")

    assert one.out == every.out == f"{NAME} is revoked\n"
    bodies = [json.loads(call.body) for call in asked.calls]
    assert [body["dry_run"] for body in bodies] == [True, False, True, False]
    assert bodies[-1] == {"token": None, "session": "shop", "dry_run": False}


def test_nothing_to_revoke_is_said(run, asked):
    asked.answers[REVOKE] = SharesRevoked(shares=(), dry_run=True)

    assert run("share", "revoke", NAME, "--dry-run").out == "nothing to revoke\n"
    assert len(asked.calls) == 1


def test_half_a_wish_to_revoke_is_refused(run, asked):
    assert run("share", "revoke").code == 2
    assert run("share", "revoke", NAME, "--all", "shop").code == 2
    assert asked.calls == []


def test_an_import_says_what_began(run, asked):
    asked.answers[IMPORT] = imported()

    ended = run("share", "import", LINK, "--session", "new", "--user", "bob")

    assert ended.out == "session new began of Shop: 3 files, 2.0 KB\n"
    assert asked.body() == {
        "token": LINK,
        "password": None,
        "session": "new",
        "user": "bob",
    }
    assert run("share", "import", LINK, "-q").out == "new\n"


def test_the_token_is_read_before_the_password(run, asked, typed):
    asked.answers[IMPORT] = imported()
    typed(f"{TOKEN}\nhorse\n")

    run("share", "import", "-", "--password-stdin")

    assert (asked.body()["token"], asked.body()["password"]) == (TOKEN, "horse")


def test_a_target_in_use_costs_no_use(run, asked, tmp_path):
    (tmp_path / "file").touch()

    ended = run("share", "import", TOKEN, "--to", tmp_path)

    assert ended.code == 4
    assert asked.calls == []


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (ShareUnusable("this share cannot be used"), 14),
        (AccessDenied("this is not the password of the share"), 12),
    ],
)
def test_who_is_turned_away_is_told_by_the_exit_code(run, asked, refusal, code):
    asked.answers[IMPORT] = refusal

    ended = run("share", "import", TOKEN)

    assert (ended.code, ended.out) == (code, "")
    assert TOKEN not in ended.err


def test_an_audit_tells_who_came_and_who_was_turned_away(run, asked):
    asked.answers[AUDIT] = ShareAudit(
        share=fields(),
        used=(
            UseDocument(
                used_at=NOON,
                user=None,
                uid=1000,
                version=3,
                session="new",
                outcome="given_back",
            ),
        ),
        refused=(
            RefusalDocument(
                reason="not_for_them", count=2, last_at=NOON, last_user="mallory"
            ),
        ),
        truncated=False,
    )

    ended = run("share", "audit", NAME)

    assert "uid 1000" in ended.out
    assert "given back" in ended.out
    assert "refused 2 times: not for them, last" in ended.out
    assert ended.out.endswith("by mallory\n")


def test_a_token_never_becomes_part_of_an_address(run, asked):
    ended = run("share", "audit", TOKEN)

    assert ended.code == 10
    assert asked.calls == []
    assert TOKEN not in ended.err


def test_the_most_shared_come_first(run, asked):
    asked.answers["/v1/most-shared"] = ShareTop(
        sessions=(
            PopularDocument(
                session="shop",
                owner=None,
                project_name=None,
                shares=2,
                imported=7,
                given_back=0,
                refused=1,
                last_at=NOON,
            ),
        )
    )

    ended = run("share", "top", "--limit", "5")

    assert "shop" in ended.out
    assert asked.query() == {"limit": ["5"]}


@pytest.mark.parametrize("words", [("list",), ("top",)])
def test_json_is_the_document_itself(run, asked, words):
    asked.answers[SHARES] = ShareList(shares=(fields(),), truncated=False)
    asked.answers["/v1/most-shared"] = ShareTop(sessions=())

    ended = run("share", *words, "--json")

    assert json.loads(ended.out)["message_type"] in ("shares", "most_shared")
