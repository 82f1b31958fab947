import json

from expokeep.errors import ConfigError
from expokeep.history.operating import Reloaded


def test_what_holds_and_what_takes_a_restart_is_told_apart(run, asked):
    asked.answers["/v1/reload"] = Reloaded(
        applied=("debounce.quiet",), restart=("workers", "watch[0].dir")
    )

    ended = run("reload")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "applied: debounce.quiet",
        "takes a restart: workers",
        "takes a restart: watch[0].dir",
    ]


def test_no_news_is_told_as_well(run, asked):
    asked.answers["/v1/reload"] = Reloaded(applied=(), restart=())

    assert run("reload").out == "nothing has changed\n"


def test_a_mistake_in_the_file_is_told_as_it_is(run, asked):
    asked.answers["/v1/reload"] = ConfigError("x.yaml:3: guard: no number")

    ended = run("reload")

    assert ended.code == 78
    assert "x.yaml:3: guard: no number" in ended.err


def test_the_document_is_the_daemons(run, asked):
    asked.answers["/v1/reload"] = Reloaded(applied=(), restart=("workers",))

    assert json.loads(run("reload", "--json").out)["restart"] == ["workers"]
