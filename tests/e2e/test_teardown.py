"""What is left of a session that is removed at once, as the app removes it."""

import subprocess

from daemons import Daemon, appear, digests, until, write

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
SLOW_REMOVAL = """
const fs = require('fs'), path = require('path');
const top = process.argv[1], src = path.join(top, 'src');
const pause = ms => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
for (let n = 0; n < 400; n++) {
    fs.rmSync(path.join(src, `${n}.js`));
    pause(5);
}
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
    kept = {name: PROJECT[name] for name in ("package.json", "src/kept.js")}
    return {**kept, **made, "App.js": "the last edit"}


def restored(daemon: Daemon, sid: str) -> dict[str, str]:
    target = daemon.site.top / f"back-{sid}"
    daemon.ask("restore", sid, "--to", target)
    return {
        str(path.relative_to(target)): path.read_text()
        for path in target.rglob("*")
        if path.is_file()
    }


def trees_of(daemon: Daemon, sid: str) -> list[tuple[str, str | None]]:
    return [(row["trigger"], row["parked"]) for row in daemon.site.versions(sid)]


def early(daemon: Daemon) -> dict[str, float]:
    return daemon.ask("status")["spool"]["early"]


def test_what_was_written_just_before_a_removal_is_the_last_version(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)

    expected = written_and_removed(place)
    daemon.await_versions(sid, 2)

    assert trees_of(daemon, sid) == [("auto", None), ("final", None)]
    assert restored(daemon, sid) == expected
    assert "final" in daemon.cli("log", sid).stdout
    assert "by final" in daemon.cli("show", sid).stdout
    told = early(daemon)
    assert told["captured"] >= 21
    assert (told["dropped"], told["open_files"], told["size_bytes"]) == (0, 0, 0)


def test_a_project_that_never_settled_has_a_version_all_the_same(daemon, site):
    sid, place = site.session()
    place.mkdir()
    (place / "src").mkdir()
    write(place, {name: PROJECT[name] for name in ("package.json", "src/kept.js")})

    expected = written_and_removed(place)
    daemon.await_versions(sid, 1)

    assert trees_of(daemon, sid) == [("final", None)]
    assert restored(daemon, sid) == expected


def test_a_project_that_is_renamed_away_is_kept_like_one_that_is_removed(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)
    taken = early(daemon)["captured"]
    write(place, {"App.js": "the last edit"})
    until(lambda: early(daemon)["captured"] > taken, "the edit is taken")
    place.rename(site.top / f"elsewhere-{sid}")
    daemon.await_versions(sid, 2)

    assert trees_of(daemon, sid)[-1] == ("final", None)
    assert restored(daemon, sid)["App.js"] == "the last edit"


def test_a_removal_of_what_is_kept_makes_no_version(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)

    subprocess.run(["rm", "-rf", str(place)], check=True)
    daemon.await_end(sid)
    daemon.ask("flush", "--all", "--wait")

    assert trees_of(daemon, sid) == [("auto", None)]


def test_a_removal_that_takes_longer_than_a_deletion_counts_is_undone(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)

    (place / "src" / "kept.js").unlink()
    daemon.await_versions(sid, 2)  # the deletion was believed
    subprocess.run(["rm", "-rf", str(place)], check=True)
    daemon.await_versions(sid, 3)

    torn = "recorded while the directory was being removed"
    assert trees_of(daemon, sid) == [("auto", None), ("auto", torn), ("final", None)]
    assert restored(daemon, sid)["src/kept.js"] == "kept"
    assert torn in daemon.cli("log", sid).stdout


def test_a_save_in_the_middle_of_a_removal_takes_it_for_no_edit(daemon, site):
    sid, place = site.session()
    names = [f"src/{number}.js" for number in range(400)]
    appear(place, {**PROJECT, **dict.fromkeys(names, "x" * 1000)})
    daemon.await_versions(sid, 1)

    removal = subprocess.Popen(["node", "-e", SLOW_REMOVAL, str(place)])
    until(lambda: not (place / "src" / "0.js").exists(), "the removal has begun")
    refused = daemon.cli("save", sid)
    assert removal.wait(60) == 0
    daemon.await_end(sid)
    daemon.ask("flush", "--all", "--wait")

    assert refused.returncode == 10, refused.stderr
    assert trees_of(daemon, sid) == [("auto", None)]


def test_what_a_person_deletes_and_saves_is_gone_at_once(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)

    (place / "src" / "kept.js").unlink()
    daemon.ask("save", sid)
    subprocess.run(["rm", "-rf", str(place)], check=True)
    daemon.await_end(sid)
    daemon.ask("flush", "--all", "--wait")

    assert trees_of(daemon, sid) == [("auto", None), ("save", None)]
    assert "src/kept.js" not in restored(daemon, sid)


def test_an_end_and_a_flush_do_not_believe_in_deletions(daemon, site):
    sid, place = site.session()
    appear(place, PROJECT)
    daemon.await_versions(sid, 1)

    (place / "src" / "kept.js").unlink()
    write(place, {"App.js": "2"})
    daemon.ask("flush", sid, "--wait")
    write(place, {"App.js": "3"})
    daemon.restart()

    assert len(trees_of(daemon, sid)) == 3
    target = site.top / f"at-the-end-{sid}"
    daemon.ask("restore", f"{sid}@3", "--to", target)
    assert digests(target).keys() == {"App.js", "package.json", "src/kept.js"}
