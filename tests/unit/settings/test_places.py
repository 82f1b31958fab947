import subprocess
import sys
from pathlib import Path

from expokeep.settings.places import (
    CONFIG,
    SERVICE_SOCKET,
    client_locations,
    daemon_socket,
    find_config,
    state_dir,
)

HOME = {"HOME": "/home/me"}


def test_root_uses_the_directory_of_the_system() -> None:
    assert state_dir({}, {}, uid=0) == Path("/var/lib/expokeep")


def test_a_user_has_a_directory_of_their_own() -> None:
    assert state_dir(HOME, {}, uid=7) == Path("/home/me/.local/state/expokeep")
    xdg = HOME | {"XDG_STATE_HOME": "/s"}
    assert state_dir(xdg, {}, uid=7) == Path("/s/expokeep")
    relative = HOME | {"XDG_STATE_HOME": "s"}
    assert state_dir(relative, {}, uid=7) == Path("/home/me/.local/state/expokeep")


def test_a_flag_beats_the_environment_and_that_beats_systemd() -> None:
    environ = {"EXPOKEEP_STATE_DIR": "/env", "STATE_DIRECTORY": "/var/lib/expokeep"}

    assert state_dir(environ, {"state-dir": Path("/flag")}, uid=7) == Path("/flag")
    assert state_dir(environ, {"state-dir": None}, uid=7) == Path("/env")
    del environ["EXPOKEEP_STATE_DIR"]
    assert state_dir(environ, {}, uid=7) == Path("/var/lib/expokeep")


def test_a_relative_directory_is_below_the_current_one() -> None:
    assert state_dir({"EXPOKEEP_STATE_DIR": "x"}, {}, uid=7) == Path.cwd() / "x"


def test_the_directories_of_another_service_are_not_ours() -> None:
    environ = HOME | {
        "STATE_DIRECTORY": "/var/lib/web",
        "RUNTIME_DIRECTORY": "/run/web",
    }

    assert state_dir(environ, {}, uid=7) == Path("/home/me/.local/state/expokeep")
    assert daemon_socket(environ, Path("/s")) == Path("/s/control.sock")


def test_the_service_listens_where_systemd_made_room() -> None:
    environ = {"RUNTIME_DIRECTORY": "/run/other:/run/expokeep"}

    assert daemon_socket(environ, Path("/s")) == SERVICE_SOCKET


def test_a_client_tries_its_own_daemon_and_then_the_service() -> None:
    own = Path("/home/me/.local/state/expokeep/control.sock")

    assert client_locations(HOME, {}, uid=7).sockets == (own, SERVICE_SOCKET)


def test_a_client_that_was_told_where_looks_nowhere_else() -> None:
    state = HOME | {"EXPOKEEP_STATE_DIR": "/s"}
    socket = state | {"EXPOKEEP_SOCKET": "/run/x.sock"}

    assert client_locations(state, {}).sockets == (Path("/s/control.sock"),)
    assert client_locations(socket, {}).sockets == (Path("/run/x.sock"),)
    flags = {"socket.path": "/run/y.sock"}
    assert client_locations(socket, flags).sockets == (Path("/run/y.sock"),)


def test_a_configuration_file_is_looked_for_where_it_was_named() -> None:
    environ = {"EXPOKEEP_CONFIG": "/env.yaml"}

    assert find_config(environ, Path("/flag.yaml")) == Path("/flag.yaml")
    assert find_config(environ) == Path("/env.yaml")
    assert find_config({}) == (CONFIG if CONFIG.exists() else None)


def test_a_client_pays_for_nothing_but_places() -> None:
    program = (
        "import sys, expokeep.settings.places; print(*sorted({'yaml', 'msgspec', "
        "'pathspec', 'click', 'dataclasses'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "\n"
