"""Keeps what this process knows from others of the same user, and from the disk.

A process of our own uid, such as an app where it and the daemon share one, could read
our memory, environment and descriptors; and a core dump would hold every secret.
"""

import resource

from expokeep.hooks import kernel


def shield() -> None:
    """Let nobody but root look into this process; let no core of it be written.

    Before the first secret is read. Children that become another program are not
    covered by the first: they are given no secrets.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel.cannot_be_traced()
