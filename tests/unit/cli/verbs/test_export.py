import json
import os
import tarfile

import msgspec
import pytest

from expokeep.control.routes import Document, Route
from expokeep.export.documents import ExportTerms
from expokeep.model.secrets import DEFAULT_PATTERNS
from offering import offering


@pytest.fixture
def keeper(monkeypatch):
    """A daemon with one version, and the rules by which it exports."""
    terms = ExportTerms(
        secret_patterns=DEFAULT_PATTERNS,
        max_build_bytes=1 << 20,
        max_file_bytes=1 << 20,
        sessions_directory="/tmp",
    )

    def answer(_call):
        return Document(msgspec.json.encode(terms))

    with offering(Route("GET", "/v1/exports/terms", answer)) as here:
        monkeypatch.setenv("EXPOKEEP_SOCKET", str(here.socket))
        yield here


def test_an_archive_is_written_and_told_of(run, keeper, tmp_path):
    target = tmp_path / "shop.tar.gz"

    ended = run("export", "shop@7", "-o", target)

    assert ended.code == 0
    assert ended.out.startswith(f"shop@7 written to {target} (")
    with tarfile.open(target) as tar:
        names = tar.getnames()
    assert names == ["shop", "shop/App.js", "shop/src", "shop/src/Button.js"]
    assert os.listdir(tmp_path) == ["shop.tar.gz"]


@pytest.mark.parametrize("form", ["tar.gz", "zip", "dir"])
def test_wrong_bytes_leave_nothing_behind(run, keeper, tmp_path, form):
    keeper.files = {b"App.js": b"hi\n"}
    keeper.damage = b"ho\n"

    ended = run("export", "shop", "--format", form, "-o", tmp_path / "x")

    assert ended.code == 15
    assert "other bytes" in ended.err
    assert os.listdir(tmp_path) == []


def test_what_is_there_stays_unless_somebody_says_so(run, keeper, tmp_path):
    (tmp_path / "x").write_text("mine")

    refused = run("export", "shop", "-o", tmp_path / "x")
    assert (refused.code, (tmp_path / "x").read_text()) == (4, "mine")
    assert "--force" in refused.err

    assert run("export", "shop", "-o", tmp_path / "x", "--force").code == 0
    assert (tmp_path / "x").read_bytes()[:2] == b"\x1f\x8b"


def test_secrets_are_pointed_out_or_left_out(run, keeper, tmp_path):
    keeper.files = {**keeper.files, b".env": b"A=b\n"}

    noted = run("export", "shop", "--format", "dir", "-o", tmp_path / "all")
    silent = run("export", "shop", "--allow-secrets", "-o", tmp_path / "allowed")
    less = run("export", "shop", "--redact", "--json", "-o", tmp_path / "less")

    assert "note: .env look" in noted.err
    assert silent.err == ""
    assert json.loads(less.out)["left_out"] == [".env"]
    assert (tmp_path / "all/.env").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("export", "shop"),
        ("export", "shop", "-o", "x", "--format", "rar"),
        ("export", "shop", "-o", "x", "--squash", "daily"),
        ("export", "shop", "-o", "-", "--format", "dir"),
        ("export", "shop", "-o", "-", "--json"),
        ("export", "shop", "-o", "x", "--redact", "--allow-secrets"),
        ("export", "shop", "-o", "x", "--format", "git", "--force"),
    ],
)
def test_words_that_do_not_go_together_are_refused(run, words):
    assert run(*words).code == 2


def test_a_place_that_cannot_be_written_is_named(run, keeper, tmp_path):
    ended = run("export", "shop", "-o", tmp_path / "no" / "such" / "x.tar.gz")

    assert ended.code == 1
    assert "cannot write" in ended.err
    assert "hint: Name another place with -o" in ended.err
