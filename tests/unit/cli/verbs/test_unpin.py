from expokeep.retention.documents import Pinned


def test_a_version_is_no_longer_pinned(run, asked):
    asked.answers["/v1/versions/{ref}/unpin"] = Pinned(
        session="shop", version=7, is_pinned=False
    )

    ended = run("unpin", "shop@7")

    assert ended.out == "version 7 of shop is no longer pinned\n"
    assert asked.calls[-1].path == {"ref": "shop@7"}
