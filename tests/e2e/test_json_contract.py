"""What `--json` prints is a contract: JSON, and nothing else, of listed kinds."""

import io
import json
import re
import signal
from pathlib import Path

import click
import pytest

from daemons import appear, write
from expokeep.cli.main import cli, main

CONTRACT = (Path(__file__).parents[2] / "docs/JSON.md").read_text()

WORDS = {
    "accept": "{sid}@1",
    "audit": "",
    "blame": "{sid} App.js",
    "check": "--all",
    "completion": "bash",
    "config path": "",
    "config show": "",
    "config validate": "{file}",
    "cost": "",
    "db migrate": "--dry-run",
    "db status": "",
    "delete": "{doomed}",
    "diff": "{sid}@1 {sid}",
    "doctor": "",
    "drain": "",
    "drill": "{sid}",
    "events": "",
    "export": "{sid} --format zip -o {top}/out.zip",
    "find": "*.js {sid}",
    "flush": "--all",
    "forget": "{sid} --keep-last 5",
    "fork": "{sid} --session {fork}",
    "gc": "--dry-run",
    "import": "--from-archive {archive} --session {imported}",
    "info": "",
    "label": "{sid} demo",
    "list": "",
    "log": "{sid}",
    "ls": "{sid}",
    "pause": "{sid}",
    "pin": "{sid}",
    "plan": "{sid}",
    "publish create": "{sid}",
    "publish list": "{sid}",
    "publish withdraw": "{sid}",
    "quota set": "--user ann --builds 5",
    "quota show": "",
    "rebuild": "--from-bucket --dry-run --missing",
    "reload": "",
    "repair": "catalog --dry-run",
    "restore": "{sid} --to {top}/restored",
    "resume": "{sid}",
    "revert": "{sid} {sid}@1",
    "save": "{sid}",
    "sessions": "",
    "share audit": "{share}",
    "share create": "{sid}",
    "share import": "{token}",
    "share list": "",
    "share revoke": "{share}",
    "share show": "{share}",
    "share top": "",
    "show": "{sid}",
    "stats": "",
    "status": "",
    "template create": "{sid} {template}",
    "template delete": "{template}",
    "template list": "",
    "template new": "{template}",
    "top": "--once",
    "undelete": "{doomed}",
    "unpin": "{sid}",
    "webhooks list": "",
    "webhooks retry": "",
    "webhooks test": "",
}
"""How each is called here, in this order but for what needs another before it."""

FIRST = ("share create", "template create", "template new", "publish create")
LAST = ("resume", "drain")
WITHOUT = {"cat": "bytes of a file", "exec": "becomes another program"}
"""Verbs that print what is not theirs."""


def leaves(group=cli, above=""):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


def listed():
    """Return the kinds of documents that the contract lists, by verb."""
    rows = re.findall(r"^\| `expokeep ([a-z -]+)` \| (.*) \|$", CONTRACT, re.MULTILINE)
    return {name: set(re.findall(r"`([a-z_-]+)`", kinds)) for name, kinds in rows}


@pytest.fixture(scope="module")
def places(daemon):
    top = daemon.site.top
    names = {"top": str(top), "template": "blank", "file": str(daemon.config)}
    for name in ("sid", "doomed"):
        names[name], directory = daemon.site.session("json")
        appear(directory, {"package.json": "{}", "App.js": "one\n"})
        daemon.await_versions(names[name], 1)
        if name == "sid":
            write(directory, {"App.js": "two\n"})
            daemon.await_versions(names[name], 2)
    for name in ("fork", "imported"):
        names[name], _ = daemon.site.session("json")
    archive = top / "in.tar.gz"
    done = daemon.cli("export", names["sid"], "--format", "tar.gz", "-o", archive)
    assert done.returncode == 0, done.stderr
    return {**names, "archive": str(archive)}


def said(daemon, words):
    """Run the command line in this process; return its code, lines, and errors."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in daemon._own().items():
            patched.setenv(name, value)
        patched.setattr("sys.stdout", out)
        patched.setattr("sys.stderr", err)
        with pytest.raises(SystemExit) as ended:
            main(words)
    for number, handler in before.items():
        signal.signal(number, handler)
    return ended.value.code, out.getvalue().splitlines(), err.getvalue()


@pytest.fixture(scope="module")
def told(daemon, places):
    """What every verb says with --json: its code, its documents, and its errors."""
    found = {}
    others = [name for name in sorted(WORDS) if name not in (*FIRST, *LAST)]
    for name in (*FIRST, *others, *LAST):
        words = [word.format(**places) for word in WORDS[name].split()]
        found[name] = said(daemon, [*name.split(), *words, "--json", "--yes"])
        code, lines, _ = found[name]
        if name == "share create" and code == 0:
            made = json.loads(lines[-1])
            places |= {"share": made["share"]["share"], "token": made["token"]}
    return found


def test_every_verb_is_asked_here_or_prints_what_is_not_its_own():
    assert set(leaves()) == WORDS.keys() | WITHOUT.keys()


def test_the_contract_lists_every_verb():
    assert listed().keys() == WORDS.keys()


@pytest.mark.parametrize("name", WORDS)
def test_a_verb_prints_documents_of_its_kinds_and_nothing_else(told, name):
    code, lines, err = told[name]
    documents = [json.loads(line) for line in lines]

    assert documents or code != 0, err
    assert {one["message_type"] for one in documents} <= listed()[name]


def test_the_contract_has_a_version_and_the_daemon_says_which(told):
    (line,) = told["info"][1]

    assert f"version {json.loads(line)['contract']} of the contract" in CONTRACT
