import datetime

from expokeep.errors import NotFound, UsageError
from expokeep.export.documents import Planned

ROUTE = "/v1/versions/{ref}/plan"
URL = "https://s3.example/bucket/exports/until-1/x/shop.tar.gz?it's=signed"


def planned(**more) -> Planned:
    told = {
        "session": "shop",
        "version": 17,
        "format": "tar.gz",
        "url": URL,
        "expires_at": datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC),
        "size_bytes": 2048,
        "sha256": "ab" * 32,
    }
    return Planned(**{**told, **more})


def test_the_link_is_all_that_a_script_reads(run, asked):
    asked.answers[ROUTE] = planned(left_out=(".env",))

    ended = run("plan", "shop@17", "--expires", "1h", "--format", "zip")

    assert ended.out == f"{URL}\n"
    assert "it works until 2026-11-24" in ended.err
    assert "1 file left out, such as .env" in ended.err
    assert asked.body() == {
        "format": "zip",
        "expires_s": 3600.0,
        "allow_secrets": False,
        "archive": "version",
    }


def test_a_script_for_a_shell_quotes_what_a_shell_would_read(run, asked):
    asked.answers[ROUTE] = planned()

    ended = run("plan", "shop", "--shell", "-q")

    assert """'"'"'""" in ended.out
    assert "sha256sum --check" in ended.out
    assert ended.err == ""


def test_what_has_no_digest_is_not_said_to_be_proved(run, asked):
    asked.answers[ROUTE] = planned(sha256=None, size_bytes=None)

    ended = run("plan", "shop", "--compat", "--shell")

    assert "sha256" not in ended.out
    assert asked.body()["archive"] == "compat"
    assert "const sha256 = null;" in run("plan", "shop", "--compat", "--node").out


def test_what_cannot_be_lent_is_refused(run, asked):
    asked.answers[ROUTE] = UsageError("a link lives for 1s to 7d")
    assert run("plan", "shop", "--expires", "8d").code == 2
    asked.answers[ROUTE] = NotFound("no session shop is kept")
    assert run("plan", "shop").code == 10
