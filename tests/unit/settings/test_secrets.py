from expokeep.settings.load import load
from expokeep.settings.secrets import secrets_in


def test_every_secret_is_known_as_it_is_given_and_as_it_is_used(tmp_path):
    file = tmp_path / "expokeep.yaml"
    file.write_text(
        "storage: {access-key-id: the-id, secret-access-key: the-key}\n"
        "database: {url: 'postgresql://me:p%40ss-word@host/db?sslpassword=other-word'}\n"
        "sharing: {pepper: the-pepper-of-shares}\n"
        "webhooks:\n"
        "  - {url: 'https://a.example/hooks/the-path?key=q', secret: the-secret}\n"
    )
    environ = {"PGPASSWORD": "of-the-environment"}

    found = secrets_in(load(path=file, environ=environ, flags={}).settings, environ)

    assert found >= {
        "the-id",
        "the-key",
        "postgresql://me:p%40ss-word@host/db?sslpassword=other-word",
        "p%40ss-word",
        "p@ss-word",
        "other-word",
        "the-pepper-of-shares",
        "/hooks/the-path?key=q",
        "the-path",
        "the-secret",
        "of-the-environment",
    }


def test_what_is_no_secret_may_be_said(tmp_path):
    settings = load(path=None, environ={}, flags={"state-dir": tmp_path}).settings

    assert secrets_in(settings, {}) == set()
