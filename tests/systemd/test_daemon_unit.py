"""The daemon's unit: started, reloaded, killed, hung, misconfigured."""

import os
import signal

from daemons import until
from packaged import DAEMON


def test_a_session_is_kept(host):
    sid, directory = host.session()
    host.start()
    assert host.ask("status")["sessions"] == []
    host.make(directory, {"a.txt": "one"})
    host.await_versions(sid, 1)
    print(host.story())
    assert 0
