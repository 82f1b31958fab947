from expokeep.retention.documents import Pinned


def test_a_version_is_pinned(run, asked):
    asked.answers["/v1/versions/{ref}/pin"] = Pinned(
        session="shop", version=7, is_pinned=True
    )

    ended = run("pin", "shop@7")

    assert ended.out == "version 7 of shop is pinned\n"
    assert asked.calls[-1].path == {"ref": "shop@7"}
