from expokeep.model.digest import digest_of
from expokeep.model.guard import Life, Limits, is_edit, is_whole, loss, refusal
from expokeep.model.tree import Delta, Directory, File

FILE, OTHER = File(digest_of(b"a"), 1), File(digest_of(b"b"), 1)


def life(**known: bool) -> Life:
    unknown = dict.fromkeys(
        ("is_first", "continues_head", "is_whole", "is_edited"), False
    )
    return Life(**{**unknown, **known})


def test_the_first_version_of_a_session_becomes_head_whatever_it_is():
    assert refusal(life(is_first=True)) is None


def test_the_next_version_of_the_same_life_becomes_head():
    assert refusal(life(continues_head=True)) is None


def test_a_fragment_does_not_bury_a_project():
    assert "fragment" in (refusal(life(is_edited=True)) or "")


def test_a_blank_template_does_not_bury_a_project():
    assert "nobody has edited" in (refusal(life(is_whole=True)) or "")


def test_a_new_project_that_a_person_has_edited_becomes_head():
    assert refusal(life(is_whole=True, is_edited=True)) is None


def test_only_a_tree_with_its_own_package_json_is_whole():
    assert is_whole({b"package.json": FILE})
    assert not is_whole({b"src/package.json": FILE})


def test_to_change_what_was_there_is_an_edit():
    assert is_edit({b"App.js": FILE}, Delta({b"App.js": OTHER}, frozenset()))


def test_to_add_files_is_what_a_template_does():
    assert not is_edit({}, Delta({b"App.js": FILE}, frozenset()))


def test_to_fill_a_file_that_was_just_made_is_what_a_template_does():
    made = {b"App.js": File(digest_of(b""), 0)}

    assert not is_edit(made, Delta({b"App.js": FILE}, frozenset()))
    assert is_edit({b"App.js": FILE}, Delta(made, frozenset()))


def test_what_tools_rewrite_is_no_edit():
    kept = {b"package.json": FILE, b"src": Directory()}
    delta = Delta({b"package.json": OTHER, b"src": Directory(0o700)}, frozenset())

    assert not is_edit(kept, delta)


def files(*names: str) -> dict:
    return {name.encode(): File(digest_of(name.encode()), 1) for name in names}


TEN = files(*"abcdefghij")


def test_to_lose_most_files_is_suspicious():
    assert loss(TEN, files("a", "b"), Limits()) == "it lost 8 of 10 files"


def test_half_of_the_files_may_go():
    assert loss(TEN, files(*"abcde"), Limits()) is None


def test_a_few_files_may_go_whatever_part_they_are():
    assert loss(files(*"abcd"), {}, Limits()) is None


def test_what_was_renamed_or_rewritten_is_not_lost():
    moved = {b"src/" + path: entry for path, entry in TEN.items()}
    rewritten = {path: File(digest_of(b"new"), 3) for path in TEN}

    assert loss(TEN, moved, Limits()) is None
    assert loss(TEN, rewritten, Limits()) is None


def test_one_copy_excuses_one_loss():
    same = {name.encode(): FILE for name in "abcdefghij"}

    assert loss(same, {b"z": FILE}, Limits()) == "it lost 9 of 10 files"


def test_a_hundred_percent_parks_nothing():
    assert loss(TEN, {}, Limits(max_lost_percent=100)) is None
