"""The only room that knows which driver stands behind a Protocol.

Everyone else is handed what is put together here.
"""

from expokeep.wiring.accounting import accountant_of
from expokeep.wiring.alone import ReadingAlone, reading_alone
from expokeep.wiring.auditing import audit_of
from expokeep.wiring.backends import (
    UNCONFIGURED_HINT,
    Backends,
    backends,
    bucket,
    catalog,
    create_bucket,
    database_of,
    outlet_of,
    require_schema,
    store,
)
from expokeep.wiring.building import builds_of, quota_rules, user_quotas_of
from expokeep.wiring.caring import maintenance_lock, usage_of
from expokeep.wiring.engine import Engine, engine
from expokeep.wiring.examining import examining_of, looking_store
from expokeep.wiring.exporting import Exporting, exporting_of
from expokeep.wiring.forking import forker_of, templates_of
from expokeep.wiring.hooking import hook_queue, hook_runs
from expokeep.wiring.host import host_of
from expokeep.wiring.legacy import legacy_keeper, legacy_ports, make_app_tables
from expokeep.wiring.proving import (
    Proving,
    chosen_versions,
    proofs_of,
    proving,
    proving_of,
    repairer_of,
    spool_repairer_of,
)
from expokeep.wiring.reading import (
    Reading,
    after_restore_of,
    fetcher,
    holdings_of,
    home_in,
    reading,
    reading_of,
    surroundings,
)
from expokeep.wiring.rebuilding import (
    adopter,
    facts_folder,
    generation_guard,
    noter,
    rebuilding,
)
from expokeep.wiring.retaining import Retaining, retaining_of
from expokeep.wiring.sharing import (
    Sharing,
    importing_of,
    shares_of,
    sharing_of,
    strange_shares,
)
from expokeep.wiring.telling import outbox
from expokeep.wiring.watching import figures_of

__all__ = [
    "UNCONFIGURED_HINT",
    "Backends",
    "Engine",
    "Exporting",
    "Proving",
    "Reading",
    "ReadingAlone",
    "Retaining",
    "Sharing",
    "accountant_of",
    "adopter",
    "after_restore_of",
    "audit_of",
    "backends",
    "bucket",
    "builds_of",
    "catalog",
    "chosen_versions",
    "create_bucket",
    "database_of",
    "engine",
    "examining_of",
    "exporting_of",
    "facts_folder",
    "fetcher",
    "figures_of",
    "forker_of",
    "generation_guard",
    "holdings_of",
    "home_in",
    "hook_queue",
    "hook_runs",
    "host_of",
    "importing_of",
    "legacy_keeper",
    "legacy_ports",
    "looking_store",
    "maintenance_lock",
    "make_app_tables",
    "noter",
    "outbox",
    "outlet_of",
    "proofs_of",
    "proving",
    "proving_of",
    "quota_rules",
    "reading",
    "reading_alone",
    "reading_of",
    "rebuilding",
    "repairer_of",
    "require_schema",
    "retaining_of",
    "shares_of",
    "sharing_of",
    "spool_repairer_of",
    "store",
    "strange_shares",
    "surroundings",
    "templates_of",
    "usage_of",
    "user_quotas_of",
]
