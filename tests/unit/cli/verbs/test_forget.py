from expokeep.errors import AccessDenied
from expokeep.retention.documents import ForgetEnded, ForgottenDocument

ROUTE = "/v1/forget"


def lines(*, dry_run=False):
    return (
        ForgottenDocument(
            session="shop",
            seqs=(1, 2, 3, 7),
            stay=2,
            content_count=3,
            content_bytes=2048,
            dry_run=dry_run,
        ),
        ForgetEnded(sessions=1, versions=4, content_bytes=2048, dry_run=dry_run),
    )


def test_a_dry_run_says_what_would_go(run, asked):
    asked.answers[ROUTE] = lines(dry_run=True)

    ended = run("forget", "shop", "--keep-last", "2", "--dry-run")

    assert ended.code == 0
    assert "shop: 1-3, 7; 2 versions stay; 2.0 KB in 3 contents" in ended.out
    assert "4 versions would be forgotten" in ended.out
    assert len(asked.calls) == 1
    assert asked.body()["dry_run"] is True
    assert asked.body()["keep_last"] == 2


def test_what_is_said_is_asked(run, asked):
    asked.answers[ROUTE] = lines()

    ended = run(
        "forget", "--yes", "--keep-within", "2h", "--keep-label", "a*", "--json"
    )

    assert '"message_type":"forgotten"' in ended.out
    assert asked.body() == {
        "session": None,
        "keep_last": 0,
        "keep_hourly": 0,
        "keep_daily": 0,
        "keep_weekly": 0,
        "keep_within_s": 7200.0,
        "keep_labels": ["a*"],
        "dry_run": False,
    }


def test_what_goes_is_shown_before_it_goes(run, asked):
    asked.answers[ROUTE] = lines()

    ended = run("forget", "shop")

    assert ended.code == 0
    assert "shop: 1-3, 7" in ended.err
    assert [b'"dry_run": true' in call.body for call in asked.calls] == [True, False]


def test_who_may_not_is_told_so(run, asked):
    asked.answers[ROUTE] = AccessDenied("this is for operators")

    assert run("forget", "shop").code == 12
