import json

from msgspec.structs import replace

from answering import version
from expokeep.history.documents import ChangeDocument, VersionShown


def shown(**more):
    return VersionShown(
        version=version(**more),
        is_head=True,
        uid=1000,
        gid=100,
        mode="0755",
        pack_key="v1/main/shop/7.tar.zst",
        changes=(
            ChangeDocument(change="M", path="App.js", type="file"),
            ChangeDocument(change="R", path="b\x1b", type="file", old_path="a\\xff"),
        ),
    )


def test_a_version_is_shown_in_full(run, asked):
    asked.answers["/v1/versions/{ref}"] = shown(
        message="first\x1b[2J\n\nand more",
        author="alice",
        parked="it shrank",
        labels=("demo", "x\x1b"),
        is_pinned=True,
    )

    lines = run("show", "shop@7").out.splitlines()

    assert lines[0] == "version  shop@7 (head)"
    assert "owner    1000:100, mode 0755" in lines
    assert "pack     v1/main/shop/7.tar.zst" in lines
    at = lines.index("message  first\\x1b[2J")
    assert lines[at + 1 : at + 3] == ["", "         and more"]
    assert "parked   it shrank" in lines
    assert "labels   demo, x\\x1b" in lines
    assert "pinned   no rule forgets it" in lines
    assert lines[-2:] == ["M App.js", "R a\\xff -> b\\x1b"]
    assert asked.calls[-1].path == {"ref": "shop@7"}


def test_a_message_of_nothing_but_a_line_end_is_shown(run, asked):
    asked.answers["/v1/versions/{ref}"] = shown(message="\n")

    assert run("show", "shop").code == 0


def test_the_document_is_the_daemons(run, asked):
    asked.answers["/v1/versions/{ref}"] = shown()

    told = json.loads(run("show", "shop", "--json").out)

    assert (told["message_type"], told["version"]["seq"]) == ("version", 7)


def test_what_is_newer_and_on_this_host_only_is_noted(run, asked):
    asked.answers["/v1/versions/{ref}"] = replace(shown(), waiting=2)

    told = run("show", "shop")

    assert told.err == (
        "note: 2 newer snapshots are on this host only: `expokeep log shop`\n"
    )
