"""The journeys of a daemon, put together."""

import contextlib
import resource
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from expokeep.catalog.examining import called
from expokeep.catalog.values import Host
from expokeep.restore.fetch import Fetcher
from expokeep.settings.policies import early_limits_of, guard_of, policy_of
from expokeep.settings.values import Settings
from expokeep.snapshot.allowance import Allowance
from expokeep.snapshot.build import Builder
from expokeep.snapshot.capturing import Capturing
from expokeep.snapshot.claims import Claims
from expokeep.snapshot.judging import Judge
from expokeep.snapshot.keep import Tools
from expokeep.snapshot.memory import Memories
from expokeep.snapshot.remains import Remains
from expokeep.snapshot.run import Snapshotter
from expokeep.snapshot.ship import Progress, Shipper
from expokeep.spool.journal import Journals
from expokeep.spool.spool import Spool
from expokeep.wiring.backends import Backends, backends
from expokeep.wiring.host import host_of
from expokeep.wiring.reading import fetcher

_COMPRESSING_THREADS = 2
_UPLOADS = 8
"""Big files on their way to the bucket at once, all sessions together."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The two journeys, ready to run."""

    settings: Settings
    host: Host
    backends: Backends
    spool: Spool
    snapshotter: Snapshotter
    shipper: Shipper
    fetcher: Fetcher
    facts_wait: threading.Event
    """Set when the catalog holds facts that are not in the bucket yet."""
    app_waits: threading.Event
    """Set when rows of the app's tables are to be looked at."""


@contextlib.contextmanager
def engine(settings: Settings, progress: Progress) -> Iterator[Engine]:
    """Hold all that a daemon needs to keep sessions and to give them back."""
    host = host_of(settings)
    spool = Spool(settings.spool.path, fsync=settings.spool.fsync != "never")
    spool.open()
    policy = policy_of(settings)
    with contextlib.ExitStack() as stack:
        caller = called(host.id, uuid.uuid4())
        held = stack.enter_context(backends(settings, caller=caller))
        fetching = stack.enter_context(fetcher(settings, held.store))
        compressing = stack.enter_context(
            ThreadPoolExecutor(_COMPRESSING_THREADS, "compress")
        )
        uploading = stack.enter_context(ThreadPoolExecutor(_UPLOADS, "upload"))
        builder = Builder(spool, policy, compressing)
        tools = Tools(held.catalog, builder, Claims(), policy)
        compressing.submit(held.store.warm)  # unconfigured, it fails, and that is fine
        memories = Memories(settings.state_dir / "index")
        capturing = stack.enter_context(_capturing(settings))
        remains = Remains(spool, memories, policy)
        yield Engine(
            settings=settings,
            host=host,
            backends=held,
            spool=spool,
            snapshotter=Snapshotter(tools, spool, memories, host, capturing),
            shipper=Shipper(
                held.catalog,
                held.store,
                spool,
                host,
                progress,
                Judge(held.catalog, host, guard_of(settings), remains),
                remains,
                uploading,
            ),
            fetcher=fetching,
            facts_wait=threading.Event(),
            app_waits=threading.Event(),
        )


@contextlib.contextmanager
def _capturing(settings: Settings) -> Iterator[Capturing | None]:
    """Hold what takes contents early, if that is wanted."""
    if not settings.spool.eager:
        yield None
        return
    fsync = settings.spool.fsync == "file"
    journals = Journals(settings.spool.path, fsync=fsync)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    capturing = Capturing(journals, Allowance(early_limits_of(settings, descriptors)))
    try:
        yield capturing
    finally:
        capturing.close()
