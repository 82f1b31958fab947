"""How many files this process may have open."""

import resource


def raise_limit() -> int:
    """Allow us as many as we may allow ourselves; return how many that is.

    The soft limit is low for programs that use `select`; nothing here does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
