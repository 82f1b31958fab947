import pytest

from expokeep.settings.urls import database_url, http_url, masked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:9000",
        "ftp://host",
        "https://",
        "https://user:pw@host",
        "https://host:port",
        "https://host:99999",
        "https://ho st",
        "https://host\n",
        "https://host?x=1",
        "https://[::1",
        "your-account.r2.cloudflarestorage.com",
    ],
)
def test_what_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        http_url(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000", "http://[::1]:80", "https://a.example/storage/v1/s3"],
)
def test_servers_are_taken_as_they_are(url: str) -> None:
    assert http_url(url) == url


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgres://me:pw@db/app?schema=public", "postgres://me:pw@db/app"),
        (
            "postgresql://me@db/app?connection_limit=5&sslmode=require&pgbouncer=true",
            "postgresql://me@db/app?sslmode=require",
        ),
        ("postgresql://a:1,b:2/app", "postgresql://a:1,b:2/app"),
        ("host=/tmp dbname=app", "host=/tmp dbname=app"),
    ],
)
def test_only_the_options_of_prisma_are_dropped(given: str, taken: str) -> None:
    assert database_url(given) == taken


@pytest.mark.parametrize(
    "url", ["", "app", "mysql://db/app", "postgres://u:a/b@db/app"]
)
def test_what_is_no_postgres_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a Postgres"):
        database_url(url)


@pytest.mark.parametrize(
    "text",
    [
        "postgres://me:canary@db/app",
        "postgres://me:p@s/canary@db/app?x=1",
        "postgres://db/app?password=canary&x=1",
        "host=db password=canary user=me",
        "host=db sslpassword = 'so \\' canary'",
        "https://user:canary@host/",
    ],
)
def test_no_password_survives_the_mask(text: str) -> None:
    assert "canary" not in masked(text)
    assert "***" in masked(text)
