"""Lends a version: looks whether it may be, and hands out the token, once."""

from dataclasses import dataclass
from typing import Literal

from expokeep.catalog.shares import NewShare, ShareRow
from expokeep.catalog.values import Kept
from expokeep.errors import ExpokeepError
from expokeep.model.names import for_terminal
from expokeep.share import plan
from expokeep.share.plan import Bounds, Terms
from expokeep.share.ports import Shares
from expokeep.share.scan import Findings, Scan, Suspicion
from expokeep.share.token import Pepper, Token, hashed_password, new_name, new_token

Policy = Literal["block", "warn", "off"]

NOTHING_FOUND = Findings((), 0)
_TOLD = 20
"""Suspicions in the words of an error; the document has all of them."""


class SecretsFound(ExpokeepError):
    """Something that would be lent looks like a secret."""

    exit_code = 4
    hint = (
        "Take it out of the project, or lend it all the same: --allow-secrets. What is "
        "a secret by its name says the setting exclude-secrets."
    )

    def __init__(self, ref: str, suspicions: tuple[Suspicion, ...]) -> None:
        told = [_shown(one) for one in suspicions[:_TOLD]]
        more = len(suspicions) - len(told)
        words = "\n  ".join([*told, *([f"and {more} more"] if more else [])])
        super().__init__(f"in {ref} something looks like a secret:\n  {words}")


@dataclass(frozen=True, slots=True)
class Lent:
    """A share that was made."""

    row: ShareRow
    token: Token
    findings: Findings


@dataclass(frozen=True, slots=True)
class Lending:
    """Makes shares. Whoever asks it has asked for the right to."""

    shares: Shares
    pepper: Pepper
    scan: Scan
    policy: Policy
    bounds: Bounds

    def look(self, kept: Kept, terms: Terms) -> Findings:
        """Return what in a version looks like a secret, if anybody is to look.

        Raises:
            SecretsFound: something does, and that was not allowed.
        """
        if self.policy == "off" or terms.allows_secrets:
            return NOTHING_FOUND
        findings = self.scan.findings(kept)
        if findings.suspicions and self.policy == "block":
            version = kept.version
            ref = f"{version.session}@{version.seq}"
            raise SecretsFound(ref, findings.suspicions)
        return findings

    def lend(self, kept: Kept, terms: Terms, by: str | None) -> Lent:
        """Make a share; nobody can ask for its token again.

        Raises:
            UsageError: on these terms nothing can be lent.
            SecretsFound: something in it looks like a secret.
            NotFound: the version was forgotten meanwhile.
        """
        plan.checked(terms)
        expires_s = plan.expiry_s(terms.expires_s, self.bounds)
        findings = self.look(kept, terms)
        token, name = new_token(), new_name()
        version = kept.version
        is_clean = self.policy != "off" and not findings.suspicions
        password = terms.password
        self.shares.create(
            NewShare(
                name=name,
                token=self.pepper.hashed(token),
                pepper=self.pepper.shown,
                session=version.session,
                seq=None if terms.follows_head else version.seq,
                looked_at_seq=version.seq if is_clean else None,
                secrets_allowed=terms.allows_secrets,
                password=None if password is None else hashed_password(password),
                max_uses=terms.max_uses,
                expires_s=expires_s,
                users=terms.users,
                created_by=by,
            )
        )
        (row,) = self.shares.rows(self.pepper.shown, name=name, include_over=True)
        return Lent(row, token, findings)


def _shown(one: Suspicion) -> str:
    where = "" if one.line is None else f":{one.line}"
    return f"{for_terminal(one.path)}{where} ({one.kind})"
