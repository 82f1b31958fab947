import subprocess
import sys

import pytest

from expokeep.store.settings import S3Settings


def test_a_secret_is_not_shown():
    settings = S3Settings("https://r2.example", "bucket", "id", "canary-secret")

    assert "canary-secret" not in repr(settings)


def test_a_limit_of_zero_is_refused():
    with pytest.raises(ValueError, match="greater than zero"):
        S3Settings("https://r2.example", "bucket", "id", "secret", concurrency=0)


def test_settings_and_base_do_not_import_boto3():
    program = (
        "import sys, expokeep.store.base, expokeep.store.settings;"
        "sys.exit('botocore' in sys.modules or 'boto3' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
