import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from expokeep.errors import NoSpace, TargetExists
from expokeep.model.digest import digest_of
from expokeep.model.tree import File
from expokeep.restore.source import Reserve
from expokeep.restore.target import (
    TargetUnusable,
    refusals_named,
    require_room,
    state,
)

NOBODY = 65534
TREE = {b"a": File(digest_of(b"x"), 1)}


@pytest.fixture
def top():
    """A directory that any user may pass through: unlike those of pytest."""
    directory = Path(tempfile.mkdtemp(prefix="keep-target-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@contextlib.contextmanager
def as_ordinary_user():
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_nothing_is_missing(top):
    assert state(top / "new") == "missing"


def test_an_empty_directory_is_empty(top):
    (top / "there").mkdir()

    assert state(top / "there") == "empty"


def test_a_directory_with_anything_in_it_is_occupied(top):
    (top / "there").mkdir()
    (top / "there/.hidden").touch()

    assert state(top / "there") == "occupied"


def test_a_link_to_a_directory_is_what_it_leads_to(top):
    (top / "there").mkdir()
    (top / "there/file").touch()
    (top / "link").symlink_to("there")

    assert state(top / "link") == "occupied"


def test_a_file_is_no_place_for_a_project(top):
    (top / "file").touch()

    with pytest.raises(TargetExists, match="exists, and is no directory") as refused:
        state(top / "file")

    assert "--swap" not in refused.value.hint


def test_a_link_to_nothing_is_no_place_for_a_project(top):
    (top / "link").symlink_to("nowhere")

    with pytest.raises(TargetExists, match="a link to nothing"):
        state(top / "link")


@pytest.mark.parametrize("above", ["gone", "file"])
def test_a_missing_parent_is_never_mistaken_for_nothing_kept(top, above):
    (top / "file").touch()

    with pytest.raises(TargetUnusable) as refused:
        state(top / above / "new")

    assert refused.value.exit_code == 1
    assert refused.value.hint


def test_the_root_of_all_is_no_project():
    with pytest.raises(TargetUnusable, match="cannot be a project"):
        state(Path("/"))


def test_a_place_that_nobody_may_look_into_says_what_to_do(top):
    (top / "closed").mkdir(mode=0o700)
    (top / "closed/new").mkdir(mode=0o700)

    with as_ordinary_user(), pytest.raises(TargetUnusable, match="denied") as refused:
        state(top / "closed/new")

    assert "--to" in refused.value.hint


def test_a_place_that_we_may_not_write_to_is_known_beforehand(top):
    with as_ordinary_user(), pytest.raises(TargetUnusable, match="not ours to write"):
        require_room(top / "new", TREE)


def test_there_is_room_for_a_little(top):
    require_room(top / "new", TREE)


def test_there_is_no_room_for_more_than_the_disk(top):
    tree = {b"a": File(digest_of(b"x"), 1 << 60)}

    with pytest.raises(NoSpace, match=r"no room for 1048576.0 TB"):
        require_room(top / "new", tree)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoSpace),
        (errno.EDQUOT, NoSpace),
        (errno.EROFS, TargetUnusable),
        (errno.EIO, TargetUnusable),
    ],
)
def test_what_the_file_system_refuses_has_a_name(number, kind):
    with pytest.raises(kind, match="/tmp/x"), refusals_named(Path("/tmp/x")):
        raise OSError(number, os.strerror(number))


def test_a_name_that_would_move_the_cursor_does_not(top):
    path = top / "evil\x1b[2J/new"

    with pytest.raises(TargetUnusable, match=r"evil\\x1b\[2J does not exist"):
        state(path)


def test_the_reserve_of_the_spools_disk_is_left_alone_and_no_other_disk_has_one(top):
    device, free_bytes = top.stat().st_dev, shutil.disk_usage(top).free

    with pytest.raises(NoSpace, match="no room to spare") as refused:
        require_room(top / "new", TREE, Reserve(device, 2 * free_bytes))

    assert "--to DIR" in refused.value.hint
    require_room(top / "new", TREE, Reserve(device, free_bytes // 2))
    require_room(top / "new", TREE, Reserve(device + 1, 2 * free_bytes))
