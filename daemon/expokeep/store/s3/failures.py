"""Says in our words what boto3 says in its own.

The codes are S3's, and those in which R2 differs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from expokeep.errors import (
    AccessDenied,
    BackendUnreachable,
    ExpokeepError,
    IntegrityError,
    NotFound,
)
from expokeep.store.base import ObjectMissing

BROKEN = (
    HTTPClientError,
    BotoConnectionError,
    IncompleteReadError,
    ResponseStreamingError,
)
"""The network's failures, as opposed to an answer that says no."""

_PASSES = frozenset(
    {
        "ClientDisconnect",  # R2 10054, with status 400
        "IncompleteBody",  # R2 10013, with status 400
        "InvalidPart",  # the parts are gone, or our list of them arrived damaged:
        "InvalidPartOrder",  # the next attempt begins with the first part
        "MalformedXML",  # ours is well-formed, so it arrived damaged
        "ConditionalRequestConflict",
        "OperationAborted",
        "RequestTimeout",
        "SlowDown",
        "TooManyRequests",
    }
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "Unauthorized",
    }
)
_DAMAGED = frozenset(
    {"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)
_TOO_SHORT = frozenset({"InvalidRange", "416"})
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_NO_OBJECT = frozenset({"NoSuchKey", "404", "NotFound"})
_TAKEN = frozenset({"PreconditionFailed", "412"})

_CLOCK_HINT = "This host's clock is wrong: S3 allows 15 minutes. Is it synchronised?"
_KEYS_HINT = "Are the access key id and the secret those of this bucket, and complete?"
_BUCKET_HINT = "Create the bucket, or name another: expokeep never makes one on R2."


def code_of(error: ClientError) -> str:
    """Return the server's code: `NoSuchKey`, or just `404` where it sent no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_taken(error: ClientError) -> bool:
    """Return whether a create-only request found an object already at its key."""
    return code_of(error) in _TAKEN


def is_missing(error: ClientError) -> bool:
    """Return whether the server says that there is no such object."""
    return code_of(error) in _NO_OBJECT


def is_damaged(error: ClientError) -> bool:
    """Return whether the body that arrived is not the one whose SHA-256 was stated."""
    return code_of(error) in _DAMAGED


def may_pass(error: Exception) -> bool:
    """Return whether what failed with boto3's `error` may succeed a moment later."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _PASSES or status == 429 or status >= 500
    return isinstance(error, BROKEN)


@contextmanager
def translated(doing: str, key: str) -> Iterator[None]:
    """Raise our own error for whatever boto3 raises inside."""
    try:
        yield
    except ClientError as error:
        raise _said_no(error, doing, key) from error
    except NoCredentialsError as error:
        raise _with_hint(AccessDenied(f"{doing} {key}: no credentials"), "") from error
    except BROKEN as error:
        raise BackendUnreachable(f"{doing} {key}: {error}") from error
    except BotoCoreError as error:
        raise ExpokeepError(f"{doing} {key}: {error}") from error


def _said_no(error: ClientError, doing: str, key: str) -> ExpokeepError:
    code = code_of(error)
    details: dict[str, Any] = dict(error.response.get("Error", {}))
    text = f"{doing} {key}: {code} {details.get('Message', '')}".strip()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if may_pass(error):
        return BackendUnreachable(text)
    if code in _NO_BUCKET:
        return _with_hint(NotFound(text), _BUCKET_HINT)
    if code in _NO_OBJECT:
        return ObjectMissing(key)
    if code in _DAMAGED | _TOO_SHORT:
        return IntegrityError(text)
    if code in _DENIED or status in {401, 403} or _malformed_keys(code, text):
        hint = _CLOCK_HINT if code == "RequestTimeTooSkewed" else _KEYS_HINT
        return _with_hint(AccessDenied(text), hint)
    return ExpokeepError(text)


def _malformed_keys(code: str, text: str) -> bool:
    # R2 answers 400 InvalidArgument to an access key id of the wrong length.
    return code == "InvalidArgument" and "redential" in text


def _with_hint(error: ExpokeepError, hint: str) -> ExpokeepError:
    error.hint = hint
    return error
