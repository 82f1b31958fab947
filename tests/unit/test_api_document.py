"""docs/API.md is a contract: it tells all that is answered, and nothing else."""

import datetime
import re
from pathlib import Path
from types import SimpleNamespace

import msgspec

from expokeep.accounting import documents as accounting_documents
from expokeep.builds import documents as build_documents
from expokeep.check import documents as check_documents
from expokeep.export import documents as export_documents
from expokeep.fork import documents as fork_documents
from expokeep.history import (
    blame_documents,
    documents,
    logged,
    operating,
    saved,
    version_log,
)
from expokeep.model import event
from expokeep.model.documents import EntryDocument, VersionDocument
from expokeep.restore import receipts
from expokeep.restore.documents import OfferDocument
from expokeep.retention import documents as retention_documents
from expokeep.service.accounting import AccountingRoutes
from expokeep.service.acting import Acting
from expokeep.service.building import BuildRoutes
from expokeep.service.doctor import Doctoring
from expokeep.service.exporting import ExportRoutes
from expokeep.service.forking import ForkingRoutes
from expokeep.service.handlers import Handlers
from expokeep.service.looking_back import LookingBackRoutes
from expokeep.service.operating import OperatingRoutes
from expokeep.service.proving import ProvingRoutes
from expokeep.service.reporting import Reporting
from expokeep.service.retaining import RetainingRoutes
from expokeep.service.sharing import SharingRoutes
from expokeep.service.templating import TemplatingRoutes
from expokeep.service.webhook_routes import WebhookRoutes
from expokeep.share import documents as share_documents
from expokeep.webhooks import documents as webhook_documents

API = (Path(__file__).parents[2] / "docs" / "API.md").read_text("utf-8")
NOT_ON_THE_SOCKET = {documents.Migrated}
MODULES = (
    documents,
    accounting_documents,
    fork_documents,
    saved,
    version_log,
    logged,
    blame_documents,
    operating,
    event,
    check_documents,
    build_documents,
    receipts,
    retention_documents,
    export_documents,
    share_documents,
    webhook_documents,
)


def test_every_route_has_a_heading_and_every_heading_a_route():
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    handlers = Handlers(
        history=None,
        source=None,
        rights=None,
        acting=Acting(None, None, None),
        looking_back=LookingBackRoutes(None, None),
        accounting=AccountingRoutes(None, None),
        reporting=Reporting(SimpleNamespace(counts=None), None, now, embedded=False),
        doctoring=Doctoring(None, None, None),
        proving=ProvingRoutes(None, None),
        retaining=RetainingRoutes(None, None),
        exporting=ExportRoutes(None, None, None, None),
        building=BuildRoutes(None, None),
        webhooks=WebhookRoutes(None, None),
        sharing=SharingRoutes(None, None, None),
        forking=ForkingRoutes(None, None, None),
        templating=TemplatingRoutes(None, None, None),
        operating=OperatingRoutes(None, None, None, None, None),
    )

    told = re.findall(r"^### `([A-Z]+) ([^`?]+)[?`]", API, re.MULTILINE)

    assert sorted(told) == sorted(
        (route.method, route.pattern) for route in handlers.routes()
    )


def test_every_field_is_told_of():
    shapes = {
        shape
        for module in MODULES
        for shape in vars(module).values()
        if isinstance(shape, type) and issubclass(shape, msgspec.Struct)
    } | {EntryDocument, VersionDocument, OfferDocument}

    untold = {
        f"{shape.__name__}.{field.encode_name}"
        for shape in shapes - NOT_ON_THE_SOCKET
        for field in msgspec.structs.fields(shape)
        if f"`{field.encode_name}`" not in API and f'"{field.encode_name}"' not in API
    }

    assert untold == set()


def test_every_message_type_is_told_of():
    tags = {
        shape.__struct_config__.tag
        for module in MODULES
        for shape in vars(module).values()
        if isinstance(shape, type) and issubclass(shape, msgspec.Struct)
    } - {None, "Document", "_Document", "migrated"}

    assert {tag for tag in tags if f"`{tag}`" not in API} == set()
