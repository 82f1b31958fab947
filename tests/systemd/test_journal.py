"""What the journal knows of each line: how grave it is, and whose it is."""

import json
import signal

from daemons import until
from packaged import DAEMON, QUICK


def lines(host, words):
    """Return the entries of the daemon's unit that hold these words."""
    return [one for one in host.machine.journal(DAEMON) if words in one["MESSAGE"]]


def priorities(host, words):
    """Wait for such an entry, and return which priorities there are."""
    found = until(lambda: lines(host, words), f"{words} in the journal")
    return {one["PRIORITY"] for one in found}


def test_the_journal_knows_how_grave_a_line_is(host):
    host.start()
    assert priorities(host, "ready sessions=") == {"6"}

    host.machine.do("systemctl", "kill", f"--signal={signal.SIGABRT.name}", DAEMON)

    # By a way of its own into the journal: the kernel may be all that still works.
    assert priorities(host, "Fatal Python error: Aborted") == {"3"}
    assert priorities(host, "most recent call first") == {"3"}
    ours = [one["MESSAGE"] for one in host.machine.journal(DAEMON)]
    assert not [line for line in ours if line.startswith("<")]


def test_what_somebody_must_act_on_is_shown_and_json_stays_json(host):
    host.configure(f"{QUICK}logging: {{type: json}}\n")
    host.start()
    assert priorities(host, '"ready"') == {"6"}
    (line, *_) = [one["MESSAGE"] for one in lines(host, '"ready"')]
    assert json.loads(line) == {"sessions": 0, "event": "ready", "level": "info"}

    host.configure(f"{QUICK}no-such-key: 1\n")
    host.machine.run("systemctl", "reload", DAEMON)

    assert priorities(host, "configuration not reloaded") == {"3"}
    shown = host.machine.do("journalctl", "-u", DAEMON, "-p", "err", "-o", "cat")
    assert "no-such-key" in shown
    assert '"ready"' not in shown
