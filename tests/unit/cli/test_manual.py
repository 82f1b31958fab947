"""The man pages tell of all that can be called and set, in a form that `man` reads."""

import re
import subprocess

import click
import pytest

from expokeep.cli.main import cli
from expokeep.cli.manual import commands, exit_codes, pages, write
from expokeep.cli.manual_settings import declared
from expokeep.service.main import main as expokeepd

DATE = "2026-11-24"


@pytest.fixture(scope="module")
def made():
    return pages(DATE, expokeepd)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("man")
    write(directory, DATE, expokeepd)
    return directory


def plain(page):
    """A page's words without its escapes."""
    for escape, letter in ((r"\-", "-"), (r"\fB", ""), (r"\fR", ""), (r"\(aq", "'")):
        page = page.replace(escape, letter)
    return page


def options_of(command):
    return [
        option
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]


def test_every_command_has_a_page(made):
    names = {f"{words.replace(' ', '-')}.1" for words, _ in commands()}

    assert len(names) > 40
    assert set(made) == {*names, "expokeep.1", "expokeepd.8", "expokeep.yaml.5"}


def test_no_help_shows_how_its_examples_are_set():
    assert [words for words, it in commands() if r"\b" in (it.help or "")] == []


def test_every_verb_below_a_group_is_listed_by_it(made):
    below = [words for words, _ in commands() if words.count(" ") > 1]

    assert "expokeep db status" in below
    for words in below:
        group, _, _ = words.rpartition(" ")
        page = made[f"{group.replace(' ', '-')}.1"]
        assert f"{words.replace(' ', '-')}(1)" in plain(page)


def test_every_option_of_a_command_stands_on_its_page(made):
    missing = [
        f"{words} {name}"
        for words, command in [("expokeep", cli), *commands()]
        for option in options_of(command)
        for name in option.opts
        if name not in plain(made[f"{words.replace(' ', '-')}.1"] + made["expokeep.1"])
    ]

    assert not missing


def test_every_option_says_what_it_does():
    silent = [
        f"{words} {option.opts[-1]}"
        for words, command in [
            ("expokeep", cli),
            ("expokeepd", expokeepd),
            *commands(),
        ]
        for option in options_of(command)
        if not option.help
    ]

    assert not silent


def test_every_setting_stands_on_the_page_of_the_file(made):
    page = plain(made["expokeep.yaml.5"])
    keys = [key for key, _ in declared()]

    assert len(keys) > 60
    assert not [key for key in keys if f"\n{key}\n" not in page]


def test_every_exit_code_is_told_of_in_words(made):
    told = exit_codes()

    assert {0, 1, 2, 10, 16, 78, 124, 130} <= told.keys()
    for code, words in told.items():
        assert f"\n{code}\n{words}" in plain(made["expokeep.1"]), code


def test_examples_keep_their_lines(made):
    page = plain(made["expokeep-forget.1"])

    assert '\n.SH "EXAMPLES"\n.nf\n' in page.replace(".RS 4\n", "")
    assert "\nexpokeep forget --dry-run\n" in page


def test_what_is_a_request_to_roff_is_not_taken_for_one(made):
    requests = {"TH", "SH", "PP", "TP", "nf", "fi", "RS", "RE"}

    for page in made.values():
        assert set(re.findall(r"^\.(\w+)", page, re.MULTILINE)) <= requests


def test_mandoc_finds_nothing_to_complain_of(directory):
    names = sorted(str(page) for page in directory.iterdir())

    ended = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", *names],
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.stdout == ""
    assert ended.returncode == 0


def test_pages_of_an_earlier_release_go(directory):
    (directory / "expokeep-gone.1").write_text("")

    write(directory, DATE, expokeepd)

    assert not (directory / "expokeep-gone.1").exists()
