"""What the settings are in the end, where they came from, what is said of errors."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examined
from hypothesis import strategies as st

from expokeep.errors import ConfigError
from expokeep.model.names import session_of_directory
from expokeep.settings.declare import keys
from expokeep.settings.load import Loaded, load
from expokeep.settings.values import Settings

BASE = {"HOME": "/home/me", "EXPOKEEP_STATE_DIR": "/state"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "e.yaml"


def loaded(file: Path, text: str, environ=None, flags=None) -> Loaded:
    file.write_text(text)
    return load(path=file, environ=BASE | (environ or {}), flags=flags or {})


def errors(file: Path, text: str, environ=None, flags=None) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(file, text, environ, flags)
    assert caught.value.exit_code == 78
    return str(caught.value).replace(str(file), "e.yaml")


def from_environment(**environ: str) -> Settings:
    return load(path=None, environ=BASE | environ, flags={}).settings


# --- values


def test_without_anything_the_defaults_hold() -> None:
    settings = from_environment()

    assert settings.state_dir == Path("/state")
    assert settings.spool.path == Path("/state/spool")
    assert settings.socket.path == Path("/state/control.sock")
    assert settings.watch[0].dir == Path("/tmp")
    assert settings.debounce.quiet_s == 2
    assert settings.spool.min_free_bytes == 1 << 30
    assert settings.socket.permissions == 0o666
    assert settings.storage.bucket == "promptfuel-builds"
    assert settings.retention.days == 30
    assert settings.sharing.enabled


def test_the_default_id_of_a_session_is_the_one_of_the_model() -> None:
    pattern = from_environment().watch[0].session_id
    uuid = "01234567-89ab-cdef-0123-456789abcdef"

    for name in (b"expo-a", b"expo-a-restored-" + uuid.encode(), b"expo-a\n", b"expo-"):
        assert session_of_directory(name, pattern) == session_of_directory(name)


def test_a_flag_beats_the_environment_that_the_file_and_that_the_default(file) -> None:
    text = "retention:\n  days: 3\n"
    environ = {"BUILD_RETENTION_DAYS": "2"}
    flags = {"retention.days": 1}

    assert loaded(file, "").settings.retention.days == 30
    assert loaded(file, text).settings.retention.days == 3
    assert loaded(file, text, environ).settings.retention.days == 2
    assert loaded(file, text, environ, flags).settings.retention.days == 1


def test_every_value_knows_where_it_came_from(file) -> None:
    found = loaded(
        file,
        "workers: 2\nstorage:\n  prefix: x/\n  region: null\n",
        {"R2_ENDPOINT": "https://a.example"},
        {"logging.level": "debug"},
    )

    told = {key: str(source) for key, source in found.sources.items()}
    assert told["workers"] == f"{file}:1"
    assert told["storage.prefix"] == f"{file}:3"
    assert told["storage.region"] == "default"
    assert told["storage.endpoint"] == "env R2_ENDPOINT"
    assert told["logging.level"] == "flag"
    assert told["state-dir"] == "env EXPOKEEP_STATE_DIR"
    named = {
        key.replace("[]", "[0]") for key in keys(Settings) if "-file" not in key[-5:]
    }
    assert set(told) >= named - {"ignore-file"}


def test_an_empty_variable_is_as_good_as_none() -> None:
    settings = from_environment(R2_BUCKET_NAME="", BUILD_RETENTION_DAYS="", TMPDIR="")

    assert settings.storage.bucket == "promptfuel-builds"
    assert settings.retention.days == 30
    assert settings.watch[0].dir == Path("/tmp")


def test_variables_in_the_file_are_replaced(file) -> None:
    found = loaded(
        file,
        "spool: {path: '${EXPOKEEP_STATE_DIR}/x'}\n"
        "storage:\n  bucket: ${B:-fall-back}\n"
        "exclude: ['${MINE}', '$${MINE}']\n",
        {"MINE": "/mine/"},
    ).settings

    assert found.spool.path == Path("/state/x")
    assert found.storage.bucket == "fall-back"
    assert found.exclude == ("/mine/", "${MINE}")


def test_a_temporary_directory_elsewhere_is_watched_there() -> None:
    assert from_environment(TMPDIR="/srv/tmp").watch[0].dir == Path("/srv/tmp")


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "FALSE", "Off"])
def test_sharing_is_off_when_it_is_called_off(word: str) -> None:
    assert not from_environment(ENABLE_BUILD_SHARING=word).sharing.enabled


@pytest.mark.parametrize("word", ["1", "true", "yes", "on", "True"])
def test_sharing_is_on_when_it_is_called_on(word: str) -> None:
    assert from_environment(ENABLE_BUILD_SHARING=word).sharing.enabled


@pytest.mark.parametrize(
    ("site", "base"),
    [
        ("", "http://localhost:3000/shared"),
        ("https://app.example", "https://app.example/shared"),
        ("https://app.example/", "https://app.example/shared"),
        ("https://app.example/a/", "https://app.example/a/shared"),
    ],
)
def test_links_begin_with_the_address_of_the_application(site, base) -> None:
    assert from_environment(NEXTAUTH_URL=site).sharing.url_base == base


def test_secrets_are_kept_and_can_be_left_out(file) -> None:
    kept = loaded(file, "exclude: [a/]\n").settings
    skipped = loaded(file, "exclude: [a/]\nsecrets: skip\n").settings

    assert kept.excluded == ("a/",)
    assert ".env" in skipped.excluded
    assert skipped.excluded[0] == "a/"


def test_yaml_gets_no_say_in_what_a_value_means(file) -> None:
    found = loaded(
        file, "socket: {permissions: 0660}\nstorage: {bucket: 0660}\n"
    ).settings

    assert (found.socket.permissions, found.storage.bucket) == (0o660, "0660")


def test_several_directories_can_be_watched(file) -> None:
    text = "watch:\n  - dir: /a\n    user: ann\n  - {dir: /b, pattern: 'x-*'}\n"

    watches = loaded(file, text).settings.watch

    assert [(one.dir, one.pattern, one.user) for one in watches] == [
        (Path("/a"), "expo-*", "ann"),
        (Path("/b"), "x-*", None),
    ]


def test_directories_by_flag_replace_those_of_the_file(file) -> None:
    text = "watch:\n  - {dir: /a, user: ann}\n  - dir: /b\n  - dir: /c\n"
    flags = {"watch.dir": [Path("/x"), "/y"]}

    watches = loaded(file, text, flags=flags).settings.watch

    assert [(one.dir, one.user) for one in watches] == [
        (Path("/x"), None),
        (Path("/y"), None),
    ]


def test_git_can_be_kept_although_it_is_excluded(file) -> None:
    assert ".git/" in loaded(file, "").settings.excluded
    assert ".git/" not in loaded(file, "include-git: yes\n").settings.excluded


def test_a_storage_without_credentials_is_no_error() -> None:
    bare = from_environment()
    whole = from_environment(
        R2_ENDPOINT="https://a.example",
        R2_ACCESS_KEY_ID="id",
        R2_SECRET_ACCESS_KEY="key",
        DATABASE_URL="postgresql://db/app",
    )

    assert not bare.storage.configured
    assert not bare.database.configured
    assert bare.storage.missing[0] == "storage.endpoint"
    assert whole.storage.configured
    assert whole.database.configured


# --- secrets


def test_a_secret_can_be_in_a_file_of_its_own(file, tmp_path) -> None:
    (tmp_path / "key").write_text("canary\n")
    found = loaded(file, f"storage: {{secret-access-key-file: {tmp_path / 'key'}}}")

    assert found.settings.storage.secret_access_key == "canary"
    source = found.sources["storage.secret-access-key"]
    assert str(source) == f"secret file {tmp_path / 'key'}"


def test_systemd_provides_secrets_without_being_asked(tmp_path) -> None:
    (tmp_path / "database-url").write_text("postgresql://db/app\n")
    settings = from_environment(CREDENTIALS_DIRECTORY=str(tmp_path))

    assert settings.database.url == "postgresql://db/app"
    assert settings.storage.access_key_id is None


def test_the_environment_beats_the_file_of_a_secret_that_is_not_even_read(file) -> None:
    text = "storage: {secret-access-key-file: /nowhere}"
    environ = {"R2_SECRET_ACCESS_KEY": "mine"}

    found = loaded(file, text, environ).settings

    assert found.storage.secret_access_key == "mine"


@pytest.mark.parametrize(
    ("contents", "reason"),
    [(b" \n", "is empty"), (b"\xff", "is not text"), (None, "No such file")],
)
def test_a_secret_that_cannot_be_read_is_an_error(
    file, tmp_path, contents, reason
) -> None:
    if contents is not None:
        (tmp_path / "key").write_bytes(contents)

    told = errors(file, f"database:\n  url-file: {tmp_path / 'key'}")

    assert told.startswith("e.yaml:2: database.url-file: ")
    assert reason in told


@pytest.mark.parametrize(
    "text",
    [
        "storage: {secret-access-key: 'canary with a space'}",
        "database: {url: 'mysql://me:canary@db/app'}",
        "database: {url: 'postgres://me:canary/x@db/app', x: 'canary'}",
        "storage: {endpoint: 'https://me:canary@host'}",
        "storage:\n  secret-access-key: 'canary\n",
        "storage: {secret-access-key: canary}}",
        "storage: {secret-access-key: [canary]}",
        "storage: {secret-access-key: 'canary${'}",
        "storage: {secret-access-key: *canary}",
        "storage: {secret-access-key: !canary!x y}",
        "&canary a: &canary b",
    ],
)
def test_no_error_quotes_a_secret(file, text) -> None:
    assert "canary" not in errors(file, text)


def test_no_repr_holds_a_secret() -> None:
    settings = from_environment(
        R2_SECRET_ACCESS_KEY="canary", R2_ACCESS_KEY_ID="canary"
    )

    assert "canary" not in repr(settings)


# --- errors


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "debounce:\n  quite: 2s",
            (
                "e.yaml:2: debounce.quite: there is no such setting; did you mean "
                "debounce.quiet?"
            ),
        ),
        (
            "quiet: 2s",
            "e.yaml:1: quiet: there is no such setting; did you mean debounce.quiet?",
        ),
        (
            "debounce:\n  quiet: fast",
            "e.yaml:2: debounce.quiet: 'fast' is not a duration from 10ms to 10m",
        ),
        (
            "retention: {days: 0}",
            "e.yaml:1: retention.days: '0' is not a whole number from 1 to 36500",
        ),
        (
            "logging: {type: xml}",
            "e.yaml:1: logging.type: 'xml' is not one of text, json",
        ),
        (
            "workers: 2\nworkers: 3",
            "e.yaml:2: workers: given twice; the first is on line 1",
        ),
        ("debounce: 2s", "e.yaml:1: debounce: write keys here, as in `key: value`"),
        ("- a", "e.yaml:1: write keys here, as in `key: value`"),
        ("workers: [1]", "e.yaml:1: workers: write one value"),
        ("exclude: x", "e.yaml:1: exclude: write a list of values, with `- `"),
        ("exclude:\n- a\n- [b]", "e.yaml:3: exclude[1]: write one value"),
        ("watch: []", "e.yaml:1: watch: write a list of at least one, with `- `"),
        (
            "exclude:\n  - fine\n  - '!'",
            "e.yaml:3: exclude[1]: '!' is not a rule in gitignore syntax",
        ),
        (
            "watch:\n  - session-id: '('",
            (
                "e.yaml:2: watch[0].session-id: '(' is not a regular expression with a "
                "group (?P<sid>...)"
            ),
        ),
        (
            "storage:\n  bucket: a-${NOPE}",
            "e.yaml:2: storage.bucket: the variable NOPE is not set",
        ),
        (
            "storage:\n  prefix: ${HOME}",
            (
                "e.yaml:2: storage.prefix: '/home/me' (from '${HOME}') is not a prefix "
                "of keys that ends in /, or empty"
            ),
        ),
        (
            "debounce:\n  max-wait: 1s",
            "e.yaml:2: debounce.max-wait: less than debounce.quiet",
        ),
        ("a: b: c", "e.yaml:1: not YAML: mapping values are not allowed here"),
        (
            "workers: 1\n---\nworkers: 2",
            "e.yaml:2: not YAML: but found another document",
        ),
    ],
)
def test_an_error_names_line_key_and_what_is_allowed(file, text, told) -> None:
    assert errors(file, text) == told


def test_errors_are_reported_together(file) -> None:
    told = errors(
        file,
        "debounce:\n  quite: 2s\nworkers: many\n",
        {"BUILD_RETENTION_DAYS": "-1", "ENABLE_BUILD_SHARING": "maybe"},
        {"logging.level": "loud"},
    )

    assert told.splitlines() == [
        "5 errors in the configuration:",
        (
            "  e.yaml:2: debounce.quite: there is no such setting; did you mean "
            "debounce.quiet?"
        ),
        "  e.yaml:3: workers: 'many' is not a whole number from 1 to 64",
        (
            "  env BUILD_RETENTION_DAYS: retention.days: '-1' is not a whole number "
            "from 1 to 36500"
        ),
        (
            "  env ENABLE_BUILD_SHARING: sharing.enabled: 'maybe' is not true or "
            "false (or yes, no, on, off, 1, 0)"
        ),
        "  flag: logging.level: 'loud' is not one of debug, info, warning, error",
    ]


def test_a_flood_of_errors_is_cut(file) -> None:
    told = errors(file, "\n".join(f"x{number}: 1" for number in range(30)))

    assert told.startswith("30 errors")
    assert told.endswith("\n  and 10 more")


def test_a_flag_that_is_no_setting_is_a_bug_of_the_caller() -> None:
    with pytest.raises(KeyError, match="socket"):
        load(path=None, environ=BASE, flags={"socket": "/x"})


def test_a_bad_url_names_its_variable_once(file) -> None:
    told = errors(file, "storage:\n  endpoint: ${R2_ENDPOINT}\n", {"R2_ENDPOINT": "r2"})

    assert told == (
        "env R2_ENDPOINT: storage.endpoint: 'r2' is not a URL such as https://host or "
        "http://host:9000, without a user"
    )


def test_an_endpoint_of_r2_is_given_without_the_bucket() -> None:
    with pytest.raises(ConfigError, match=r"env R2_ENDPOINT.*without '/builds'"):
        from_environment(R2_ENDPOINT="https://a.r2.cloudflarestorage.com/builds")


def test_what_something_else_overrides_is_checked_too(file) -> None:
    assert errors(file, "retention: {days: x}", {"BUILD_RETENTION_DAYS": "7"})


def test_a_socket_that_could_not_be_bound_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"socket\.path.*at most 107 bytes"):
        load(path=None, environ={"EXPOKEEP_STATE_DIR": "/" + "x" * 100}, flags={})


def test_a_file_that_is_not_there_is_an_error(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        load(path=tmp_path / "none.yaml", environ=BASE, flags={})


def test_a_file_that_is_too_large_is_an_error(file) -> None:
    assert "larger than" in errors(file, "#" * (1024 * 1024 + 1))


def test_a_file_that_says_nothing_means_the_defaults(file) -> None:
    for text in ("", "# nothing\n", "null\n", "debounce:\n  # quiet: 2s\n", "watch:\n"):
        assert loaded(file, text).settings == from_environment()


# --- whatever a file may hold

KEYS = sorted(
    {part for key in keys(Settings) for part in key.replace("[]", "").split(".")}
)
words = st.sampled_from(
    [*KEYS, "&a", "*a", "<<", "null", "${HOME}", "${", "2s", "0", "!!x"]
)
trees = st.recursive(
    words | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | st.text(max_size=4), inner, max_size=4)
    ),
)


def as_flow(tree: object) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {as_flow(tree[key])}" for key in tree) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(as_flow, tree)) + "]"
    return str(tree)


def is_refused_politely(file: Path, contents: bytes) -> None:
    file.write_bytes(contents)
    try:
        load(path=file, environ=BASE, flags={})
    except ConfigError:
        return


one_file = examined(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=200,
)


@one_file
@given(trees)
def test_whatever_yaml_a_file_holds_is_settings_or_a_configuration_error(
    file, tree
) -> None:
    is_refused_politely(file, as_flow(tree).encode("utf-8", "surrogatepass"))


@one_file
@given(st.binary(max_size=64))
def test_whatever_bytes_a_file_holds_are_settings_or_a_configuration_error(
    file, contents
) -> None:
    is_refused_politely(file, contents)


@pytest.mark.parametrize(
    "contents",
    [
        b'workers: "\\UFFFFFFFF"',
        b"[" * 5000,
        b"a: &a [*a]",
        b"watch: &a [*a]",
        b"&a debounce: *b",
        b"\x00",
        b"? [x]\n: y",
        b"\xff\xfew\x00",
        b"%YAML 9.9\n--- a",
    ],
)
def test_known_traps_of_yaml_are_configuration_errors(file, contents) -> None:
    file.write_bytes(contents)

    with pytest.raises(ConfigError):
        load(path=file, environ=BASE, flags={})


def test_a_webhook_without_a_secret_is_refused(file):
    said = errors(file, "webhooks:\n  - url: https://hooks.example/x\n")

    assert said == "e.yaml:2: webhooks[0].secret-file: what is sent is signed"


def test_a_command_may_be_a_line_or_a_list(file):
    line = loaded(file, "hooks: {on-version: npm test}\n").settings.hooks
    words = loaded(file, "hooks: {on-version: [npm, test]}\n").settings.hooks

    assert (line.on_version, words.on_version) == (("npm test",), ("npm", "test"))


@pytest.mark.parametrize(
    "url", ["ftp://x/y", "https://me:secret@x/y", "https://", "https://x/y#z"]
)
def test_what_is_no_place_for_a_webhook_is_refused(file, url):
    said = errors(file, f"webhooks: [{{url: '{url}', secret: x}}]\n")

    assert "webhooks[0].url" in said
