"""What the application does to its sessions, file by file, by a real Node process.

It removes a directory without a word and writes by truncating; nothing of it knows of
us. After each of its ways to destroy work the work is there, byte for byte, and going
on with what came instead is possible too.
"""

import json
import subprocess
import uuid
from pathlib import Path

import pytest

from daemons import WAIT_S, digests, until

APP = """
const fs = require("node:fs");
const path = require("node:path");
const steps = JSON.parse(fs.readFileSync(0));
const acts = {
  rm: ([dir]) => fs.promises.rm(dir, { recursive: true, force: true }),
  mkdir: ([dir]) => fs.promises.mkdir(dir, { recursive: true }),
  write: async ([file, text]) => {
    await fs.promises.mkdir(path.dirname(file), { recursive: true });
    await fs.promises.writeFile(file, text);
  },
};
(async () => {
  for (const [act, ...words] of steps) await acts[act](words);
})().catch((error) => { console.error(error); process.exit(1); });
"""
"""The application's own calls of `fs`, in the order that it is told."""

TEMPLATE = {
    "App.js": "export default function App() { return null; }\n",
    "app.json": '{"expo": {"name": "blank"}}\n',
    "package.json": '{"name": "blank", "dependencies": {"expo": "52"}}\n',
    "index.js": 'import App from "./App";\n',
    "assets/icon.png": "\x89PNG",
    "node_modules/expo/package.json": '{"version": "52"}',
    "node_modules/expo/build/Expo.js": "// built",
}
WORK = {
    "App.js": "export default function Shop() { return <Text>Shop</Text>; }\n",
    "components/Cart.js": "export const Cart = () => null;\n",
    "components/Button.js": "export const Button = () => null;\n",
    "screens/Home.js": "export const Home = () => null;\n",
}


def play(*steps: tuple[str | Path, ...]) -> None:
    """Have Node do what the application does."""
    told = json.dumps([[str(word) for word in step] for step in steps])
    subprocess.run(["node", "-e", APP], input=told, text=True, check=True, timeout=60)


def created(place: Path, files=TEMPLATE) -> list[tuple[str | Path, ...]]:
    """Return the steps of `create-expo-app`: after removing what was there."""
    writes = [("write", place / name, text) for name, text in files.items()]
    return [("rm", place), ("mkdir", place), *writes]


def turn(place: Path, files) -> list[tuple[str | Path, ...]]:
    """Return the steps of one turn of the chat."""
    return [("write", place / name, text) for name, text in files.items()]


@pytest.fixture
def shop(daemon, site):
    """A project on which somebody has worked: kept, recorded, at rest."""
    sid, place = site.session()
    play(*created(place))
    daemon.await_versions(sid, 1)
    play(*turn(place, WORK))
    until(lambda: kept_by_head(daemon, sid) == sources(place), "the work is head")
    return sid, place, sources(place)


def sources(place: Path) -> dict[str, str]:
    """Return what of a project is kept."""
    found = digests(place)
    return {name: one for name, one in found.items() if "node_modules" not in name}


def kept_by_head(daemon, sid) -> dict[str, str]:
    done = daemon.cli("ls", sid, "--json")
    if done.returncode != 0:
        return {}
    listed = json.loads(done.stdout)["entries"]
    return {one["path"]: one["digest"] for one in listed if one["type"] == "file"}


def restored(daemon, site, sid) -> dict[str, str]:
    """Return what the default restore brings."""
    back = site.top / f"back-{uuid.uuid4().hex}"
    daemon.ask("restore", sid, "--to", back)
    return digests(back)


def head_of(daemon, sid) -> int:
    return daemon.ask("log", sid)["head_seq"]


def await_parked(daemon, site, sid, words: str) -> dict:
    """Wait for a version that is parked for this reason."""

    def found():
        parked = [row for row in site.versions(sid) if words in (row["parked"] or "")]
        return parked[-1] if parked else None

    return until(found, f"something is parked: {words}")


def is_pinned(site, sid, seq) -> bool:
    return site.versions(sid)[seq - 1]["pinned"]


def test_a_page_refresh_after_a_restart_hides_no_work(daemon, site, shop):
    sid, place, work = shop

    play(*created(place))
    blank = await_parked(daemon, site, sid, "nobody has edited yet")

    assert restored(daemon, site, sid) == work
    head = head_of(daemon, sid)
    told = daemon.cli("restore", sid, "--to", site.top / f"told-{sid}")
    assert ", as it was before its directory was removed, " in told.stdout
    assert f" parked: `expokeep log {sid}`" in told.stderr  # one, or the pieces of one
    assert blank["seq"] > head

    # Going on in the new one makes it the newest; the old one stays for good.
    play(*turn(place, {"App.js": "// a new start\n"}))
    until(lambda: head_of(daemon, sid) > blank["seq"], "the new project is head")
    assert is_pinned(site, sid, head)
    assert kept_by_head(daemon, sid) == sources(place)


def test_the_hook_instead_of_the_refresh_brings_the_work_back(daemon, site, shop):
    sid, place, work = shop
    play(("rm", place))

    hook = daemon.cli("restore", sid, "--to", place, "--if-missing")
    again = daemon.cli("restore", sid, "--to", place, "--if-missing")
    unknown = daemon.cli("restore", f"no-{sid}", "--to", f"{place}-no", "--if-missing")

    assert (hook.returncode, again.returncode, unknown.returncode) == (0, 0, 10)
    assert digests(place) == work
    play(*turn(place, {"App.js": "// on with the work\n"}))
    until(lambda: kept_by_head(daemon, sid) == sources(place), "it is one chain")
    assert not [row for row in site.versions(sid) if row["parked"]]


def test_the_restore_button_takes_nothing_from_the_work(daemon, site, shop):
    sid, place, work = shop
    head = head_of(daemon, sid)
    beside = place.with_name(f"{place.name}-restored-{uuid.uuid4()}")
    older = {**TEMPLATE, "App.js": "// an older state, from the app's own archive\n"}
    older = {name: text for name, text in older.items() if "node_modules" not in name}

    play(("mkdir", beside), *turn(beside, older))
    newcomer = await_parked(daemon, site, sid, "nobody has edited yet")

    assert restored(daemon, site, sid) == work
    assert head_of(daemon, sid) == head

    # Both are alive, and each goes on in a chain of its own.
    play(*turn(place, {"screens/More.js": "// in the first one\n"}))
    until(lambda: head_of(daemon, sid) > newcomer["seq"], "the first one goes on")
    first = site.versions(sid)[head_of(daemon, sid) - 1]
    assert (first["epoch"], first["parent_seq"]) == (1, head)
    play(*turn(beside, {"App.js": "// edited in the restored one\n"}))
    until(lambda: kept_by_head(daemon, sid) == sources(beside), "the other is head")
    second = site.versions(sid)[head_of(daemon, sid) - 1]
    assert (second["epoch"], second["parent_seq"]) == (2, newcomer["seq"])
    assert is_pinned(site, sid, first["seq"])
    back = site.top / f"first-{sid}"
    daemon.ask("restore", f"{sid}@{first['seq']}", "--to", back)
    assert digests(back) == sources(place)


def test_a_chat_after_a_restore_is_a_fragment_and_no_project(daemon, site, shop):
    sid, place, work = shop
    beside = place.with_name(f"{place.name}-restored-{uuid.uuid4()}")
    play(("rm", place))
    daemon.await_end(sid)
    play(("mkdir", beside), *turn(beside, {**TEMPLATE, **WORK}))

    # The chat does not know of the other directory: it writes where it always wrote.
    play(*turn(place, {"App.js": "// one", "components/New.js": "// two"}))
    fragment = await_parked(daemon, site, sid, "a fragment")
    play(*turn(place, {"App.js": "// one more turn"}))
    until(
        lambda: (
            len([r for r in site.versions(sid) if r["epoch"] == fragment["epoch"]]) == 2
        ),
        "the second turn is kept",
    )

    assert restored(daemon, site, sid) == work
    assert all(
        row["parked"] for row in site.versions(sid) if row["epoch"] == fragment["epoch"]
    )

    # Whoever makes a project of it goes on with that.
    play(*turn(place, {name: TEMPLATE[name] for name in ("package.json", "index.js")}))
    play(*turn(place, {"App.js": "// a whole project now"}))
    until(lambda: kept_by_head(daemon, sid) == sources(place), "the new one is head")


def test_the_end_after_thirty_minutes_takes_nothing_along(daemon, site, shop):
    sid, place, _work = shop
    last = {"App.js": "// written just before the end\n", "screens/Late.js": "// too\n"}

    play(*turn(place, last))
    expected = sources(place)
    server = subprocess.Popen(["node", "-e", "setInterval(() => {}, 1000)"])
    server.kill()
    assert server.wait(WAIT_S) != 0
    play(("rm", place))

    assert restored(daemon, site, sid) == expected
    told = daemon.cli("restore", sid, "--to", site.top / f"late-{sid}")
    assert ", as it was before its directory was removed, " in told.stdout


def test_the_hook_waits_for_the_end_of_a_removal(daemon, site, shop):
    sid, place, work = shop
    modules = {f"node_modules/m{n}/lib/{n}.js": "x" for n in range(1500)}
    play(*turn(place, modules))

    removing = subprocess.Popen(["node", "-e", APP], stdin=subprocess.PIPE, text=True)
    assert removing.stdin is not None
    with removing.stdin as steps:
        steps.write(json.dumps([["rm", str(place)]]))
    until(lambda: not (place / "App.js").exists(), "the removal has begun")
    hook = daemon.cli("restore", sid, "--to", place, "--if-missing")
    assert removing.wait(WAIT_S) == 0

    assert hook.returncode == 0
    assert digests(place) == work


def test_work_that_a_dead_bucket_holds_up_survives_the_end_of_its_directory(
    daemon, site
):
    sid, place = site.session()
    site.relay.go_down()
    try:
        # Nothing of it is in the bucket yet, not even from another session.
        new = {name: f"{text}// {sid}" for name, text in TEMPLATE.items()}
        play(*created(place, new))
        daemon.await_spooled(sid, 1)
        play(*turn(place, {name: f"{text}// {sid}" for name, text in WORK.items()}))
        expected = sources(place)
        play(("rm", place))

        told = daemon.ask("restore", sid, "--to", place, "--if-missing")
    finally:
        site.relay.come_back()

    assert (told["unrecorded"], digests(place)) == (True, expected)
    play(*turn(place, {"App.js": "// on with it"}))
    until(lambda: kept_by_head(daemon, sid) == sources(place), "it is one chain")
    assert [row["parked"] for row in site.versions(sid)].count(None) >= 2
    assert site.versions(sid)[-1]["epoch"] == 2
    assert not [row for row in site.versions(sid) if row["parked"]]
