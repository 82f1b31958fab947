from expokeep.model.digest import digest_of
from expokeep.model.tree import Directory, File, Link
from expokeep.snapshot.plan import Patience, decide

GRACE = Patience(now_s=100.0, grace_s=60.0)
AT_ONCE = Patience(now_s=100.0, grace_s=0.0)


def file(text: str) -> File:
    return File(digest_of(text.encode()), len(text))


def test_a_deletion_is_held_back_until_its_grace_is_over():
    kept = {b"a": file("a"), b"b": file("b")}

    first = decide(kept, {b"a": file("a")}, set(), {}, GRACE)
    later = decide(
        kept, {b"a": file("a")}, set(), first.missing_since_s, Patience(160.0, 60.0)
    )

    assert not first.delta
    assert first.due_s == 160.0
    assert later.delta.gone == {b"b"}
    assert later.due_s is None


def test_a_person_who_saves_means_what_is_gone():
    plan = decide(
        {b"a": file("a"), b"b": file("b")}, {b"a": file("a")}, set(), {}, AT_ONCE
    )

    assert plan.delta.gone == {b"b"}


def test_a_path_that_comes_back_starts_a_new_grace():
    kept = {b"a": file("a")}
    gone = decide(kept, {}, set(), {}, GRACE)

    back = decide(kept, kept, set(), gone.missing_since_s, Patience(130.0, 60.0))
    again = decide(kept, {}, set(), back.missing_since_s, Patience(165.0, 60.0))

    assert again.due_s == 225.0


def test_a_renamed_file_leaves_its_old_name_at_once():
    plan = decide({b"a": file("x")}, {b"b": file("x")}, set(), {}, GRACE)

    assert plan.delta.gone == {b"a"}
    assert plan.tree == {b"b": file("x")}


def test_one_new_copy_explains_one_deletion_only():
    kept = {b"a": file("x"), b"b": file("x")}

    plan = decide(kept, {b"c": file("x")}, set(), {}, GRACE)

    assert len(plan.delta.gone) == 1
    assert len(plan.missing_since_s) == 1


def test_a_renamed_directory_leaves_nothing_of_its_old_name():
    kept = {b"old": Directory(), b"old/a": file("a"), b"old/sub": Directory()}
    seen = {b"new": Directory(), b"new/a": file("a"), b"new/sub": Directory()}

    plan = decide(kept, seen, set(), {}, GRACE)

    assert plan.tree == seen


def test_a_directory_that_still_holds_a_held_file_is_held_with_it():
    kept = {b"d": Directory(), b"d/a": file("a"), b"d/b": file("b")}

    plan = decide(kept, {b"a": file("a")}, set(), {}, GRACE)

    assert plan.tree == {b"a": file("a"), b"d": Directory(), b"d/b": file("b")}


def test_what_lay_below_a_directory_that_is_a_file_now_is_gone_at_once():
    kept = {b"d": Directory(), b"d/a": file("a")}

    plan = decide(kept, {b"d": file("now a file")}, set(), {}, GRACE)

    assert plan.tree == {b"d": file("now a file")}


def test_a_directory_that_became_a_link_takes_its_contents_along():
    kept = {b"d": Directory(), b"d/a": file("a")}

    plan = decide(kept, {b"d": Link(b"/elsewhere")}, set(), {}, GRACE)

    assert plan.tree == {b"d": Link(b"/elsewhere")}


def test_what_could_not_be_read_stays_as_it_was_kept():
    kept = {b"a": file("a"), b"d": Directory(), b"d/b": file("b")}

    plan = decide(kept, {b"d": Directory()}, (b"a", b"d"), {}, AT_ONCE)

    assert not plan.delta
    assert plan.tree == kept


def test_new_and_changed_files_are_kept_while_deletions_wait():
    kept = {b"a": file("a"), b"b": file("b")}

    plan = decide(kept, {b"b": file("B"), b"c": file("c")}, set(), {}, GRACE)

    assert plan.delta.set == {b"b": file("B"), b"c": file("c")}
    assert plan.tree == {b"a": file("a"), b"b": file("B"), b"c": file("c")}
