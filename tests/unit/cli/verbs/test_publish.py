import datetime

from expokeep.errors import AccessDenied, NotFound
from expokeep.export.documents import (
    Publication,
    PublicationList,
    PublishedDocument,
    Withdrawn,
)

NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
ONE = PublishedDocument(
    id="x" * 43,
    session="shop",
    version=17,
    format="zip",
    published_at=NOON,
    url="https://builds.example.com/public/x/project.zip",
    expires_at=None,
)
CREATE = "/v1/versions/{ref}/publish"
WITHDRAW = "/v1/sessions/{session}/withdraw"


def test_the_link_is_told_and_what_was_left_out(run, asked):
    asked.answers[CREATE] = Publication(
        published=ONE, size_bytes=2048, sha256="ab" * 32, left_out=(".env",)
    )

    ended = run("publish", "create", "shop@17", "--format", "zip")

    assert ended.out == f"{ONE.url}\n"
    assert "shop@17 is public (2.0 KB, 1 file left out)" in ended.err
    assert asked.body() == {"format": "zip"}


def test_what_is_public_is_listed(run, asked):
    asked.answers["/v1/publications"] = PublicationList(published=(ONE,))

    ended = run("publish", "list", "shop")

    assert ended.out.splitlines()[1].split()[0] == "shop@17"
    assert ONE.url in ended.out


def test_it_is_withdrawn_by_its_id_or_altogether(run, asked):
    asked.answers[WITHDRAW] = Withdrawn(published=(ONE,))

    assert "1 public archive withdrawn" in run("publish", "withdraw", "shop").out
    assert asked.body() == {"id": None, "dry_run": False}
    tried = run("publish", "withdraw", "shop", "--id", ONE.id, "--dry-run")
    assert "would be withdrawn" in tried.out
    assert asked.body() == {"id": ONE.id, "dry_run": True}


def test_who_may_not_publish_is_told_so(run, asked):
    asked.answers[CREATE] = AccessDenied("this is for operators")
    assert run("publish", "create", "shop").code == 12
    asked.answers[WITHDRAW] = NotFound("nothing of shop is public under this id")
    assert run("publish", "withdraw", "shop", "--id", "x").code == 10
