from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from expokeep.settings.document import parse
from expokeep.settings.load import load
from expokeep.settings.show import scalar, show

ENVIRON = {"EXPOKEEP_STATE_DIR": "/state"}
SECRETS = {
    "R2_ACCESS_KEY_ID": "canary-1",
    "R2_SECRET_ACCESS_KEY": "canary-2",
    "DATABASE_URL": "postgresql://me:canary-3@db/app?sslpassword=canary-4",
}


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    flags = {
        "watch.dir": ["/a", "/b"],
        "exclude": ["${x}", "it's", "null", "#a", "/y"],
        "ignore-file": "${x}",
    }
    first = load(path=None, environ=ENVIRON, flags=flags)
    file = tmp_path / "shown.yaml"

    for sources in (False, True):
        file.write_text(show(first, sources=sources))
        again = load(path=file, environ=ENVIRON, flags={})

        assert again.settings == first.settings


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_being_written_as_yaml(text: str) -> None:
    document = parse(f"ignore-file: {scalar(text)}".encode(), "shown.yaml")

    assert document.given["ignore-file"].value == text


def test_no_secret_is_shown() -> None:
    loaded = load(path=None, environ=ENVIRON | SECRETS, flags={})

    for sources in (False, True):
        shown = show(loaded, sources=sources)
        assert "canary" not in shown
        assert "secret-access-key: '***'" in shown
        assert "postgresql://me:***@db/app" in shown


def test_sources_stand_beside_the_values() -> None:
    loaded = load(path=None, environ=ENVIRON | {"R2_BUCKET_NAME": "mine"}, flags={})

    lines = show(loaded, sources=True).splitlines()

    assert "# state-dir: /state" in lines[0]
    assert "env EXPOKEEP_STATE_DIR" in lines[0]
    assert any(
        "bucket: mine" in line and "env R2_BUCKET_NAME" in line for line in lines
    )
    assert any("quiet: 2s" in line and "# default" in line for line in lines)
