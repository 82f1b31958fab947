import json

from expokeep.history.documents import Finding, Match
from expokeep.model.documents import EntryDocument


def match(path, last_seq, **entry):
    told = {"type": "file", "mtime_ns": 0, "size_bytes": 3, **entry}
    return Match(
        session="shop",
        epoch=1,
        first_seq=2,
        last_seq=last_seq,
        entry=EntryDocument(path=path, **told),
    )


FOUND = Finding(
    glob="*.js",
    matches=(
        match("a\x1b.js", 4),
        match("b.js", None, type="link", size_bytes=None, target="c"),
    ),
    truncated=True,
)


def test_each_match_says_in_which_versions_it_was(run, asked):
    asked.answers["/v1/find"] = FOUND

    ended = run("find", "*.js")

    assert ended.out.splitlines() == [
        "SESSION  VERSIONS  SIZE  PATH",
        "shop     2..4      3 B   a\\x1b.js",
        "shop     2..       link  b.js",
    ]
    assert "narrow the pattern" in ended.err


def test_sessions_and_pattern_are_sent(run, asked):
    asked.answers["/v1/find"] = FOUND

    told = json.loads(run("find", "src/*\udcff", "shop", "other", "--json").out)

    assert asked.query() == {"glob": ["src/*\\xff"], "session": ["shop", "other"]}
    assert told["truncated"] is True


def test_contents_are_asked_for_by_their_digest(run, asked):
    asked.answers["/v1/find"] = FOUND

    run("find", "--content-hash", f"sha256:{'AB' * 32}", "shop", "other")

    assert asked.query() == {"digest": ["ab" * 32], "session": ["shop", "other"]}


def test_words_that_mean_nothing_are_refused_before_anybody_is_asked(run, asked):
    assert run("find").code == 2
    assert run("find", "--content-hash", "abc").code == 2
    assert run("find", "--content-hash", "ab" * 32, "a\udcff").code == 2
    assert not asked.calls
