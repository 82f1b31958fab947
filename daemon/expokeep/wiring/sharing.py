"""What lends versions, put together."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from expokeep import clock
from expokeep.catalog.sharing import PostgresShares
from expokeep.catalog.values import Kept, Place
from expokeep.errors import ConfigError
from expokeep.fork.run import Forker
from expokeep.fork.values import Wish
from expokeep.history.naming import Naming
from expokeep.model import secrets
from expokeep.model.digest import Digest
from expokeep.model.names import SessionId
from expokeep.model.version import Origin, Selector, Version, VersionRef
from expokeep.restore.fetch import Fetcher
from expokeep.settings.values import Settings
from expokeep.share.importing import Importing
from expokeep.share.lending import Lending, Policy, SecretsFound
from expokeep.share.plan import Bounds, Terms
from expokeep.share.ports import Begin, Beginning, MayStillCome, Shares
from expokeep.share.scan import Scan
from expokeep.share.token import Pepper
from expokeep.share.turns import Turns
from expokeep.wiring.backends import Backends, database_of
from expokeep.wiring.engine import Engine
from expokeep.wiring.pepper import pepper_of


@dataclass(frozen=True, slots=True)
class Sharing:
    """All that lends, and whoever knows what is lent."""

    shares: Shares
    pepper: Pepper
    lending: Lending
    naming: Naming
    kept: Callable[[Version], Kept]


def sharing_of(settings: Settings, held: Backends, fetching: Fetcher) -> Sharing:
    """Return it, on backends that are open.

    Raises:
        ConfigError: no database is configured, or the key of tokens is damaged.
    """
    shares, pepper = shares_of(held), pepper_of(settings)
    sharing = settings.sharing

    def contents(
        places: Collection[Place],
    ) -> Iterator[tuple[Digest, int, Iterable[bytes | memoryview]]]:
        return fetching.blobs(places, held.catalog.places)

    scan = Scan(secrets.names(settings.exclude_secrets), contents)
    bounds = Bounds(sharing.default_expires_s, sharing.max_expires_s)
    policy = cast("Policy", sharing.secret_scan)
    return Sharing(
        shares=shares,
        pepper=pepper,
        lending=Lending(shares, pepper, scan, policy, bounds),
        naming=Naming(held.catalog, clock.now),
        kept=held.catalog.kept,
    )


def shares_of(held: Backends) -> Shares:
    """Return what is lent.

    Raises:
        ConfigError: no database is configured.
    """
    database = database_of(held.catalog)
    if database is None:
        raise ConfigError("the catalog is not configured: set DATABASE_URL")
    return PostgresShares(database)


def strange_shares(settings: Settings, held: Backends) -> tuple[int, bool]:
    """Return how many live shares this host does not know, and if its key is its own.

    Raises:
        ConfigError: the key of tokens is damaged.
        BackendUnreachable, ...: Postgres does not say.
    """
    pepper, is_own = pepper_of(settings), settings.sharing.pepper is None
    if database_of(held.catalog) is None:
        return 0, is_own
    return shares_of(held).strange(pepper.shown), is_own


def importing_of(
    sharing: Sharing, engine: Engine, forker: Forker, turns: Turns
) -> Importing:
    """Return what imports, on an engine that runs."""

    def may_lend(session: SessionId, seq: int) -> bool:
        version = sharing.naming.catalog.resolve(VersionRef(session, Selector(seq=seq)))
        try:
            sharing.lending.look(sharing.kept(version), Terms())
        except SecretsFound:
            return False
        return True

    return Importing(
        shares=sharing.shares,
        pepper=sharing.pepper,
        host=engine.host.id,
        turns=turns,
        begin=beginning_of(forker),
        may_still_come=_may_still_come(engine),
        may_lend=may_lend,
    )


def beginning_of(forker: Forker) -> Begin:
    """Return what begins sessions by forking what is shared."""

    def begin(beginning: Beginning) -> Version:
        return forker.fork(
            Wish(
                session=beginning.session,
                trigger="import",
                origin=Origin(beginning.source, beginning.seq),
                root=beginning.root,
                owner=beginning.owner,
                author=beginning.owner,
                pack=beginning.pack,
            )
        )

    return begin


def _may_still_come(engine: Engine) -> MayStillCome:
    def may_still_come(beginning: Beginning) -> bool:
        entries = engine.spool.pending(beginning.session)
        return any(entry.pack == beginning.pack for entry in entries)

    return may_still_come
