import json

import pytest


@pytest.fixture
def file(tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "R2_ENDPOINT", "R2_BUCKET_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EXPOKEEP_STATE_DIR", str(tmp_path))
    file = tmp_path / "expokeep.yaml"
    file.write_text("debounce:\n  quiet: 3s\n")
    return file


def test_every_setting_is_shown_with_where_it_comes_from(run, file, monkeypatch):
    monkeypatch.setenv("R2_BUCKET_NAME", "builds")
    monkeypatch.setenv("R2_SECRET_ACCESS_KEY", "hush")

    told = run("config", "show", "--sources", "-c", file).out

    (quiet,) = [line for line in told.splitlines() if line.startswith("  quiet:")]
    assert quiet.split() == ["quiet:", "3s", "#", f"{file}:2"]
    assert "env R2_BUCKET_NAME" in told
    assert "hush" not in told


def test_what_is_shown_is_good_again(run, file, tmp_path):
    again = tmp_path / "again.yaml"
    again.write_text(run("config", "show", "-c", file).out)

    assert run("config", "validate", again).out == f"{again} is good\n"


def test_a_good_file_that_names_no_bucket_is_said_to(run, file, monkeypatch):
    monkeypatch.delenv("R2_ACCESS_KEY_ID", raising=False)
    unfilled = run("config", "validate", file)
    file.write_text('storage: {endpoint: "https://r2.example", access-key-id: me}\n')

    filled = run("config", "validate", file)

    assert (unfilled.code, filled.code) == (0, 0)
    assert "no bucket is named: storage.endpoint, storage.access-key-id" in unfilled.err
    assert filled.err == ""


def test_the_settings_are_a_document_too(run, file):
    told = json.loads(run("config", "show", "-c", file, "--json").out)

    assert told["message_type"] == "config"
    assert told["sources"]["debounce.quiet"] == f"{file}:2"


def test_a_mistake_is_code_78_with_key_and_line(run, file):
    file.write_text("debounce:\n  quiet: soon\n  silent: 3s\n")

    ended = run("config", "validate", file)

    assert ended.code == 78
    assert f"{file}:2: debounce.quiet" in ended.err
    assert f"{file}:3: debounce.silent" in ended.err


def test_a_file_that_is_not_there_is_code_78(run, file):
    assert run("config", "validate", file.with_name("none.yaml")).code == 78


def test_a_good_file_is_a_document_too(run, file):
    told = json.loads(run("config", "validate", file, "--json").out)

    assert told == {"message_type": "valid", "file": str(file)}


def test_which_file_is_read(run, file):
    assert run("config", "path", "-c", file).out == f"{file}\n"
    assert json.loads(run("config", "path", "-c", file, "--json").out) == {
        "message_type": "config-path",
        "file": str(file),
    }
