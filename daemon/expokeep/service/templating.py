"""The verbs of the control socket about templates: what sessions can begin with."""

from dataclasses import dataclass

import msgspec

from expokeep import wiring
from expokeep.catalog.templates import PostgresTemplates, Template
from expokeep.control.routes import Call, Document, Handler, Reply
from expokeep.errors import NotFound, UsageError
from expokeep.fork.documents import (
    TemplateCreated,
    TemplateDeleted,
    TemplateDocument,
    TemplateList,
)
from expokeep.log import get
from expokeep.model.names import for_terminal
from expokeep.model.version import Selector, VersionRef, is_label
from expokeep.service import bodies
from expokeep.service.acting import Acting
from expokeep.service.forking import Beginning, ForkWish
from expokeep.service.parts import Parts
from expokeep.service.referring import require_visible
from expokeep.service.rights import Rights

log = get(__name__)

MOST = 1000


class CreateWish(msgspec.Struct):
    """What a request says of a template that is to be."""

    version: str = ""
    name: str = ""


class DeleteWish(msgspec.Struct):
    """What a request says of a template that is to go."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class TemplatingRoutes:
    """Makes templates, lists and deletes them, and begins sessions with them."""

    parts: Parts
    rights: Rights
    acting: Acting

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Return what can be asked."""
        return (
            ("GET", "/v1/templates", self.listed),
            ("POST", "/v1/templates", self.create),
            ("POST", "/v1/templates/{name}/new", self.new),
            ("POST", "/v1/templates/{name}/delete", self.delete),
        )

    def listed(self, call: Call) -> Reply:
        """List templates: all of them to an operator, their own to anybody else."""
        caller = self.rights.caller(call.peer)
        found = self._templates.templates(
            owner=caller.user, uid=caller.uid, limit=MOST + 1
        )
        shown = tuple(map(_document, found[:MOST]))
        return _encoded(TemplateList(templates=shown, truncated=len(found) > MOST))

    def create(self, call: Call) -> Reply:
        """Let new sessions begin with a version; it stays as long as they may."""
        wish = bodies.body(call, CreateWish)
        if not is_label(wish.name):
            raise UsageError("a template's name has 1 to 100 characters, no @ and no /")
        if not wish.version:
            raise UsageError("name the version that it is to be")
        require_visible(self.rights, call, wish.version.partition("@")[0])
        beginning = Beginning(self.parts, self.rights, self.acting)
        version = beginning.meant(wish.version)
        self._templates.create(version, wish.name)
        details = {"name": wish.name, "seq": version.seq}
        self.parts.events.publish("template.created", version.session, **details)
        log.info(
            "template made",
            template=wish.name,
            session=version.session,
            version=version.seq,
        )
        (made,) = [
            one
            for one in self._templates.templates(
                name=wish.name, session=version.session
            )
            if one.seq == version.seq
        ]
        return _encoded(TemplateCreated(template=_document(made)))

    def new(self, call: Call) -> Reply:
        """Begin a session with a template."""
        wish, template = bodies.body(call, ForkWish), self._meant(call)
        ref = VersionRef(template.session, Selector(seq=template.seq))
        version = self.parts.engine.backends.catalog.resolve(ref)
        beginning = Beginning(self.parts, self.rights, self.acting)
        made = beginning.begin(call, version, wish, "template")
        return _encoded(msgspec.structs.replace(made, template=template.name))

    def delete(self, call: Call) -> Reply:
        """Take a name away. The version is only held no longer."""
        wish, template = bodies.body(call, DeleteWish), self._meant(call)
        if not wish.dry_run:
            if not self._templates.drop(template):
                raise _unknown(template.name)
            log.info("template deleted", template=template.name)
            details = {"name": template.name, "seq": template.seq}
            self.parts.events.publish("template.deleted", template.session, **details)
        return _encoded(
            TemplateDeleted(template=_document(template), dry_run=wish.dry_run)
        )

    def _meant(self, call: Call) -> Template:
        """Return the template of that name, of those that the caller may see.

        Raises:
            NotFound: there is none, or it is another user's: nobody can tell which.
            UsageError: several users have one, and the caller may see all of them.
        """
        name, caller = call.path["name"], self.rights.caller(call.peer)
        found = self._templates.templates(name=name, owner=caller.user, uid=caller.uid)
        nobodys = [one for one in found if one.owner is None]
        if len(found) > 1 and len(nobodys) == 1:
            return nobodys[0]
        if len(found) > 1:
            error = UsageError(f"several users have a template {name}")
            error.hint = "Say whose: --as USER."
            raise error
        if not found:
            raise _unknown(name)
        return found[0]

    @property
    def _templates(self) -> PostgresTemplates:
        return wiring.templates_of(self.parts.engine.backends)


def _document(template: Template) -> TemplateDocument:
    return TemplateDocument(
        name=template.name,
        owner=template.owner,
        session=template.session,
        version=template.seq,
        created_at=template.created_at,
        project_name=template.project_name,
        file_count=template.file_count,
        size_bytes=template.size_bytes,
    )


def _unknown(name: str) -> NotFound:
    error = NotFound(f"there is no template {for_terminal(name.encode())}")
    error.hint = "`expokeep template list` shows them."
    return error


def _encoded(document: msgspec.Struct) -> Document:
    return Document(msgspec.json.encode(document))
