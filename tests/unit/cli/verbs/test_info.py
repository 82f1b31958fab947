import json

import pytest

from answering import NOON
from expokeep.history.documents import Info

INFO = Info(
    version="0.1.0",
    pid=42,
    started_at=NOON,
    host="web-1",
    host_id="831e6ca9",
    state_dir="/var/lib/expokeep",
    watch=("/tmp/expo-*", "/srv/expo-*"),
    schema=1,
    embedded=True,
)


@pytest.fixture
def answer(asked):
    asked.answers["/v1/info"] = INFO


def test_who_answers_is_told(run, answer):
    told = run("info").out

    assert told.startswith("expokeepd 0.1.0, pid 42\n")
    assert "watching   /tmp/expo-*, /srv/expo-*\n" in told
    assert "--embedded" in told


def test_the_document_is_the_daemons(run, answer):
    assert json.loads(run("info", "--json").out)["pid"] == 42
