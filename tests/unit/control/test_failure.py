import json

import pytest

from expokeep.control.failure import (
    BodyTooLarge,
    document_of,
    error_of,
    status_of,
)
from expokeep.errors import (
    AccessDenied,
    BackendUnreachable,
    BlobMissing,
    Busy,
    ConfigError,
    ExpokeepError,
    IntegrityError,
    NoSpace,
    NotFound,
    TargetExists,
    TimedOut,
    UsageError,
)

STATUS = {
    ExpokeepError: 500,
    UsageError: 400,
    TargetExists: 409,
    NotFound: 404,
    Busy: 409,
    AccessDenied: 403,
    IntegrityError: 422,
    BackendUnreachable: 503,
    NoSpace: 507,
    TimedOut: 504,
    ConfigError: 500,
}


@pytest.mark.parametrize(("kind", "status"), STATUS.items())
def test_every_error_has_its_status_and_comes_back_as_itself(kind, status):
    error = kind("what happened")
    error.hint = "what to do"

    again = error_of(json.loads(document_of(error)))

    assert status_of(error) == status
    assert type(again) is kind
    assert (str(again), again.hint) == ("what happened", "what to do")


def test_a_more_particular_error_comes_back_as_its_kind():
    missing = BlobMissing("sha256:00", "v1/pack")

    again = error_of(json.loads(document_of(missing)))

    assert type(again) is IntegrityError
    assert str(again) == "blob sha256:00 is not at v1/pack"
    assert again.hint == BlobMissing.hint


def test_a_body_that_is_too_large_has_a_status_of_its_own():
    assert status_of(BodyTooLarge(10)) == 413


@pytest.mark.parametrize("document", [[], {}, None, {"message_type": "saved"}])
def test_other_documents_are_no_errors(document):
    assert error_of(document) is None
