import hashlib

from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, Link, tree_digest


def test_the_digest_of_a_tree_is_the_one_in_the_documented_example() -> None:
    tree = {
        b"l": Link(b"b/a", 7),
        b"b": Directory(0o755, 8),
        b"b/a": File(digest_of(b"hi"), 2, 0o755, 9),
    }
    records = b"d|755|0||b|f|755|2|%s|b/a|l|777|3|b/a|l|"
    told = records % digest_of(b"hi").hex().encode()

    digest = tree_digest(tree)

    assert digest == hashlib.sha256(told.replace(b"|", b"\0")).digest()
    assert digest.hex() == (
        "0870f69b250f475f0413e15fdecf322d71b64a5f8437979638fc479241ab41c4"
    )


def test_the_digest_of_nothing_is_the_digest_of_an_empty_tree() -> None:
    assert tree_digest({}) == digest_of(b"")
