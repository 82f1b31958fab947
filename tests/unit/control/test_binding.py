import grp
import os
import socket
import stat

import pytest
from structlog.testing import capture_logs

from expokeep.control.binding import bound_socket
from expokeep.errors import Busy, ConfigError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


def test_the_socket_has_its_rights_and_goes_with_us(path):
    with bound_socket(path, 0o640, None):
        assert stat.S_IMODE(path.lstat().st_mode) == 0o640

    assert not path.exists()


def test_the_socket_is_given_to_the_group(path):
    group = grp.getgrgid(os.getegid()).gr_name
    with bound_socket(path, 0o660, group) as (_, group_id):
        assert path.lstat().st_gid == group_id == os.getegid()


def test_a_socket_that_nobody_answers_on_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    with (
        bound_socket(path, 0o666, None),
        socket.socket(socket.AF_UNIX) as caller,
    ):
        caller.connect(str(path))


def test_a_socket_that_somebody_answers_on_is_left_alone(path):
    with (
        bound_socket(path, 0o666, None),
        pytest.raises(Busy, match="another expokeepd runs here"),
        bound_socket(path, 0o666, None),
    ):
        pass


def test_a_refused_second_daemon_does_not_take_the_socket_away(path):
    with bound_socket(path, 0o666, None):
        with pytest.raises(Busy), bound_socket(path, 0o666, None):
            pass

        assert path.is_socket()


def test_the_socket_of_a_successor_is_left_alone(path):
    with bound_socket(path, 0o666, None):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))

    assert path.is_socket()


def test_what_is_no_socket_is_left_alone(path):
    path.write_text("precious")

    with pytest.raises(ConfigError, match="no socket"), bound_socket(path, 0o666, None):
        pass

    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing/control.sock", "no directory"), ("x" * 200, "cannot make a socket")],
)
def test_a_path_that_cannot_be_is_named(tmp_path, name, words):
    with (
        pytest.raises(ConfigError, match=words) as caught,
        bound_socket(tmp_path / name, 0o666, None),
    ):
        pass

    assert name in str(caught.value)


def test_an_unknown_group_is_named(path):
    with (
        pytest.raises(ConfigError, match="no-such-group"),
        bound_socket(path, 0o666, "no-such-group"),
    ):
        pass

    assert not path.exists()


def test_a_link_at_the_path_is_neither_followed_nor_taken_away(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="no socket"), bound_socket(path, 0o666, None):
        pass

    assert path.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("mode", "words"), [(0o777, 1), (0o1777, 0), (0o755, 0)])
def test_a_place_where_others_could_take_it_away_is_told_of(path, mode, words):
    path.parent.chmod(mode)

    with capture_logs() as logged, bound_socket(path, 0o666, None):
        pass

    assert len(logged) == words
