"""What the last check and the last drill say of how all is, in words for `status`."""

import datetime

from expokeep import wiring
from expokeep.catalog.evidence import Proof
from expokeep.errors import ExpokeepError
from expokeep.model import size
from expokeep.model.proof import ProofDocument
from expokeep.service.parts import Parts


def last_proofs(parts: Parts) -> tuple[ProofDocument, ...]:
    """Return the newest check that tells how all is, and the newest drill.

    Nothing while the catalog is away, or where nothing was ever proved.
    """
    proofs = wiring.proofs_of(parts.engine.backends, parts.engine.host)
    if proofs is None or parts.catalog_error is not None:
        return ()
    try:
        found = (proofs.telling("check"), proofs.last("drill"))
    except ExpokeepError:
        return ()
    return tuple(proof_document(one) for one in found if one is not None)


def proof_document(proof: Proof) -> ProofDocument:
    """Return a proof as `status` shows it."""
    words = _of_check if proof.kind == "check" else _of_drill
    return ProofDocument(
        kind=proof.kind,
        is_well=proof.is_well,
        ended_at=proof.ended_at.astimezone(datetime.UTC),
        host=proof.host,
        detail=words(proof),
    )


def _of_check(proof: Proof) -> str:
    body = proof.body
    damage = body.get("damage") or []
    if damage:
        more = f", and {len(damage) - 1} more" if len(damage) > 1 else ""
        return f"{' '.join(map(str, damage[0]))}{more}"
    read = size.shown(int(body.get("read_bytes", 0)))
    return f"{body.get('versions', 0)} versions, {read} read"


def _of_drill(proof: Proof) -> str:
    body = proof.body
    version = f"{body.get('session')}@{body.get('seq')}"
    if not proof.is_well:
        return f"{version}: {body.get('error')}"
    return f"{version}, {size.shown(int(body.get('size_bytes', 0)))}"
