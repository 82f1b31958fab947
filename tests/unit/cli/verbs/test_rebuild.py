import pytest


@pytest.fixture(autouse=True)
def unconfigured(run, monkeypatch, tmp_path):
    # After `run`, which unsets what is set here.
    for name in ("DATABASE_URL", "R2_ENDPOINT", "R2_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EXPOKEEP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("EXPOKEEP_CONFIG", str(tmp_path / "expokeep.yaml"))
    (tmp_path / "expokeep.yaml").write_text("")


def test_it_says_of_what_to_rebuild(run):
    ended = run("rebuild")

    assert ended.code == 2
    assert "--from-bucket" in ended.err


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--missing",)])
def test_without_servers_there_is_nothing_to_rebuild(run, more):
    ended = run("rebuild", "--from-bucket", *more)

    assert ended.code == 78
    assert "DATABASE_URL" in ended.err


def test_the_bucket_alone_is_asked_without_the_daemon_only(run):
    ended = run("restore", "shop", "--from-bucket")

    assert ended.code == 2
    assert "--direct" in ended.err


def test_the_bucket_alone_needs_no_database(run):
    ended = run("restore", "shop", "--direct", "--from-bucket")

    assert ended.code == 78
    assert "storage" in ended.err
