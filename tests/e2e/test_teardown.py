"""What is left of a session that is removed at once, as the app removes it."""

import signal
import subprocess

import pytest

from daemons import Daemon, Site, appear, daemon_on, digests, until, write

GAP_S = 0.05
"""Between the last close and the removal: from here on everything is kept."""
PROJECT = {
    "App.js": "export default 1",
    "package.json": '{"name": "shop"}',
    "src/kept.js": "kept",
    "node_modules/react/index.js": "not ours",
}
NODE = """
const fs = require('fs'), path = require('path');
const [, top, gap, count] = process.argv;
for (let n = 0; n < count; n++) {
    const file = path.join(top, n % 2 ? 'src' : '', `new${n}.js`);
    fs.writeFileSync(file, `made just now, number ${n}`);
}
fs.writeFileSync(path.join(top, 'App.js'), 'the last edit');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(gap));
fs.rmSync(top, {recursive: true, force: true});
"""
SETTINGS = """\
debounce: {quiet: 1s, max-wait: 3s, deletion-grace: 2s}
shutdown: {flush-timeout: 10s}
"""


def written_and_removed(top, gap_s: float = GAP_S, count: int = 20) -> dict[str, str]:
    """Have a real Node write files, wait, and remove it all; return what they were."""
    words = ["node", "-e", NODE, str(top), str(round(gap_s * 1000)), str(count)]
    subprocess.run(words, check=True, timeout=60)
    made = {
        f"{'src/' if n % 2 else ''}new{n}.js": f"made just now, number {n}"
        for n in range(count)
    }
    return {**made, "App.js": "the last edit", "src/kept.js": "kept"}


def restored(daemon: Daemon, sid: str) -> dict[str, str]:
    target = daemon.site.top / f"back-{sid}"
    daemon.ask("restore", sid, "--to", target)
    return {
        str(path.relative_to(target)): path.read_text()
        for path in target.rglob("*")
        if path.is_file()
    }


def test_what_was_written_just_before_a_removal_is_the_last_version(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)

    expected = written_and_removed(place)
    rows = daemon.await_versions(sid, 2)

    assert (rows[-1]["trigger"], rows[-1]["parked"]) == ("final", None)
    assert restored(daemon, sid) == {**expected, "package.json": '{"name": "shop"}'}
    assert "final" in daemon.cli("log", sid).stdout
