"""The file whose renames prove that events were read."""

import threading
from pathlib import Path

from expokeep.watch.cookies import Cookies


def test_its_directory_is_private_and_holds_one_file(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "watch"
    directory.mkdir(parents=True, mode=0o755)
    (directory / "cookie-7").touch()
    cookies = Cookies(directory)

    cookies.prepare()
    cookies.send()
    cookies.send()

    assert directory.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in directory.iterdir()] == ["cookie-2"]


def test_a_file_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    cookies = Cookies(tmp_path)
    cookies.prepare()
    (tmp_path / "cookie-0").unlink()

    assert cookies.send() == 1
    assert cookies.send() == 2


def test_a_later_cookie_proves_the_earlier_ones(tmp_path: Path) -> None:
    cookies = Cookies(tmp_path)
    cookies.prepare()
    number = cookies.send()
    assert not cookies.wait_for(number, 0.0)

    reader = threading.Thread(target=cookies.saw, args=(b"cookie-9",))
    reader.start()

    assert cookies.wait_for(number, 10.0)
    reader.join()


def test_other_names_prove_nothing(tmp_path: Path) -> None:
    cookies = Cookies(tmp_path)
    for name in (b"", b"cookie-", b"cookie-x", b"elsewhere"):
        cookies.saw(name)

    assert not cookies.wait_for(1, 0.0)
