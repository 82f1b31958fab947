"""How a receiver knows that a request is ours, and not an old one again."""

import hashlib
import hmac

HEADER = "Expokeep-Signature"


def signature(secret: str, at_s: int, body: bytes) -> str:
    """Return the value of the header: a time, and a code over time and body.

    >>> signature("secret", 1764000000, b"{}")[:19]
    't=1764000000,v1=b69'
    """
    code = hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256)
    return f"t={at_s},v1={code.hexdigest()}"
