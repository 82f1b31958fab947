"""What requests say of shares: the bodies of POSTs."""

import msgspec

from expokeep.share import plan


class ShareWish(msgspec.Struct):
    """On what terms a request wants a version lent."""

    expires_s: float | None = None
    max_uses: int | None = None
    password: str | None = None
    to: list[str] | None = None
    follow_head: bool = False
    allow_secrets: bool = False
    dry_run: bool = False

    @property
    def terms(self) -> plan.Terms:
        """The terms that are meant."""
        return plan.Terms(
            expires_s=self.expires_s,
            max_uses=self.max_uses,
            users=tuple(dict.fromkeys(self.to)) if self.to else None,
            password=self.password,
            follows_head=self.follow_head,
            allows_secrets=self.allow_secrets,
        )


class ShowWish(msgspec.Struct):
    """Which share a request is about."""

    token: str = ""
    """Its token, a link that ends in it, or its id."""


class RevokeWish(msgspec.Struct):
    """Which shares a request wants to end: one, or all of a session."""

    token: str | None = None
    session: str | None = None
    dry_run: bool = False


class ImportWish(msgspec.Struct):
    """What a request wants to import, and as what."""

    token: str = ""
    password: str | None = None
    session: str | None = None
    user: str | None = None
