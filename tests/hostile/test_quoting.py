"""No secret is quoted by what goes wrong before there is a daemon that keeps anything.

What a whole day says is looked through in `test_canaries.py`.
"""

import contextlib

import pytest
from psycopg.conninfo import conninfo_to_dict

from canaries import Aviary
from daemons import daemon_on
from expokeep.errors import ConfigError
from expokeep.settings.load import load

MISTAKES = """\
storage: {{endpoint: {0}}}
storage: {{access-key-id: "{0} {0}"}}
storage: {{secret-access-key: "{0} {0}"}}
storage: {{secret-access-kee: {0}}}
storage: {{bucket: {0}_}}
storage: {{region: {0}_}}
storage: {{concurrency: {0}}}
storage: {{{0}: secret-access-key}}
storage: {0}
storage: {{endpoint: "https://me:{0}@host"}}
storage: {{endpoint: "http://host/?token={0}"}}
storage: {{secret-access-key-file: {0}}}
storage: {{secret-access-key-file: [{0}]}}
database: {{url: {0}}}
database: {{url: "mysql://me:{0}@host/db"}}
database: {{url: "postgresql://me:{0}/x@host/db"}}
database: {{schema: "{0}"}}
sharing: {{pepper: "{0} "}}
sharing: {{url-base: "https://{0}@host"}}
webhooks: [{{url: "ftp://host/{0}"}}]
webhooks: [{{url: "https://host/{0}", secret: "a b {0}"}}]
heartbeat-url: "ftp://host/{0}"
addr: {0}
debounce: {{quiet: {0}}}
watch: [{{user: "\\t{0}"}}]
secret-access-key: {0}
{0}
"{0}: [
storage: {{secret-access-key: *{0}}}
storage: {{secret-access-key: !{0} [x]}}
"""


@pytest.mark.parametrize("mistake", MISTAKES.splitlines())
def test_no_mistake_in_the_configuration_says_a_secret(mistake, tmp_path):
    aviary = Aviary()
    secret = aviary.made("mistake")
    file = tmp_path / "expokeep.yaml"
    file.write_text(mistake.format(secret))

    with pytest.raises(ConfigError) as caught:
        load(path=file, environ={}, flags={"state-dir": tmp_path})

    assert aviary.seen({"error": f"{caught.value}\n{caught.value.hint}"}) == []


BRIEF = """\
debounce: {quiet: 100ms, max-wait: 1s}
storage: {retries: 0}
shutdown: {flush-timeout: 1s}
logging: {level: debug}
"""


def bad_starts(site, aviary):
    """Return what is wrong with a start, and what it needs for that."""
    at = conninfo_to_dict(site.database_url)
    words = f"host={at['host']} dbname={at['dbname']} user={at['user']}"
    return {
        "keys of another, and a password that is wrong": {
            "R2_ACCESS_KEY_ID": aviary.made("another id"),
            "R2_SECRET_ACCESS_KEY": aviary.made("another key"),
            "DATABASE_URL": f"{words} password='{aviary.made('password of words')}'",
        },
        "a wrong password of the environment, and no such endpoint": {
            "R2_ENDPOINT": "http://nowhere.invalid",
            "DATABASE_URL": words,
            "PGPASSWORD": aviary.made("password of the environment"),
        },
        "no such host": {
            "DATABASE_URL": f"postgresql://me:{aviary.made('dns')}@nowhere.invalid/db"
        },
    }


def test_no_start_that_fails_says_a_secret(prepare_site):
    aviary = Aviary()
    with prepare_site() as site, contextlib.ExitStack() as stack:
        (site.watch / "expo-shop").mkdir()
        (site.watch / "expo-shop" / "App.js").write_text("1")
        begun = {}
        for number, (name, wrong) in enumerate(bad_starts(site, aviary).items()):
            daemon = stack.enter_context(
                daemon_on(
                    site,
                    f"bad{number}",
                    settings=BRIEF,
                    environment=wrong,
                )
            )
            daemon.process = daemon.launch("--once")
            begun[name] = daemon
        codes = {name: daemon.wait() for name, daemon in begun.items()}
        logs = {name: daemon.log for name, daemon in begun.items()}

    assert all(code != 0 for code in codes.values()), codes
    assert all("error" in log for log in logs.values())
    assert aviary.seen(logs) == []
