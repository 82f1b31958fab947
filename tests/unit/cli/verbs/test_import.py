import io
import os
import tarfile

import pytest

from expokeep.errors import NotFound, QuotaExceeded
from expokeep.export.documents import ExportTerms
from expokeep.history.saved import Saved

SAVE = "/v1/sessions/{session}/save"
SHOW = "/v1/versions/{ref}"


@pytest.fixture
def keeper(asked, tmp_path):
    """A daemon that takes whatever comes, and where sessions live on its host."""
    asked.answers["/v1/exports/terms"] = ExportTerms(
        secret_patterns=(),
        max_build_bytes=4096,
        max_file_bytes=4096,
        sessions_directory=str(tmp_path),
    )
    asked.answers[SHOW] = NotFound("no session shop is kept")
    asked.answers[SAVE] = [
        Saved(
            session="shop",
            state="recorded",
            version=1,
            project_name=None,
            took_s=0.1,
            stored_bytes=1,
            set_count=1,
            gone_count=0,
            parked=None,
            skipped=(),
            excluded_count=0,
        )
    ]
    return asked


@pytest.fixture
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("outside") / "shop.tar"
    with tarfile.open(path, "w") as made:
        member = tarfile.TarInfo("shop/App.js")
        member.size = 3
        made.addfile(member, io.BytesIO(b"hi\n"))
    return path


def test_a_project_appears_whole_and_is_saved(run, keeper, archive, tmp_path):
    ended = run(
        *("import", "--from-archive", archive, "--session", "shop"),
        *("--user", "ann", "-m", "from a friend"),
    )

    assert ended.code == 0
    assert (tmp_path / "expo-shop/App.js").read_bytes() == b"hi\n"
    assert ended.out.startswith("shop begins with 1 file (3 B) in ")
    assert keeper.body() == {"message": "from a friend", "user": "ann", "name": None}
    assert os.listdir(tmp_path) == ["expo-shop"]


def test_a_script_hears_only_the_new_id(run, keeper, archive, tmp_path):
    ended = run("import", "--from-archive", archive, "-q")

    (name,) = os.listdir(tmp_path)
    assert name == f"expo-{ended.out.strip()}"


def test_what_is_not_taken_goes_again(run, keeper, archive, tmp_path):
    keeper.answers[SAVE] = QuotaExceeded("ann has 50 builds already")

    ended = run("import", "--from-archive", archive, "--session", "shop")

    assert ended.code == 13
    assert os.listdir(tmp_path) == []


def test_what_is_too_much_is_never_there(run, keeper, tmp_path):
    large = tmp_path.parent / "large.tar"
    with tarfile.open(large, "w") as made:
        member = tarfile.TarInfo("large")
        member.size = 5000
        made.addfile(member, io.BytesIO(bytes(5000)))

    ended = run("import", "--from-archive", large)

    assert ended.code == 13
    assert os.listdir(tmp_path) == []


def test_a_session_that_is_kept_is_left_alone(run, keeper, archive, tmp_path):
    keeper.answers[SHOW] = b"{}"

    ended = run("import", "--from-archive", archive, "--session", "shop")

    assert ended.code == 4
    assert "hint: Name another with --session" in ended.err
    assert os.listdir(tmp_path) == []


def test_what_comes_from_git_is_named_in_words_that_git_understands(run, keeper):
    for place in ("http://example.com/x", "ext::sh", "https://a:b@example.com/x"):
        ended = run("import", "--from-git", place)
        assert ended.code == 2
        assert "https or ssh" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--from-archive", "x", "--from-git", "y"),
        ("--from-archive", "/no/such/file"),
        ("--from-archive", "/no/such/file", "--ref", "main"),
        ("--from-git", "https://example.com/x", "--owner", "alice"),
        ("--from-git", "https://example.com/x", "--ref", "-x"),
        ("--from-archive", "x", "--session", "../x"),
    ],
)
def test_words_that_mean_nothing_are_refused(run, keeper, words):
    assert run("import", *words).code == 2
