"""Where the bucket is and how we may use it. Values only, and no boto3.

Kept apart from `s3`, so that reading the configuration does not import a driver.
"""

from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class S3Settings:
    """One bucket of one S3 server; the defaults are R2's. Its repr hides the secret."""

    endpoint_url: str
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str = "auto"
    force_path_style: bool = True
    concurrency: int = 32
    """Connections that are kept open: at least as many as there are workers."""
    part_size_bytes: int = 16 * MIB
    """R2 wants all parts but the last equal, and at least 5 MiB."""
    part_concurrency: int = 2
    """Parts of one object in flight; R2 allows two or three."""
    single_put_max_bytes: int = 64 * MIB
    attempts: int = 5
    """Times that one request is sent before its failure counts."""
    resumes: int = 4
    """Times that one answer is resumed after it broke off, and that one part of a big
    object is sent again; 0 for never."""
    deadline_s: float = 600.0
    """For one object, or one part of a big one, its retries included."""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    ca_file: Path | None = None
    """Certificates to trust instead of the usual ones, for a server of one's own."""

    def __post_init__(self) -> None:
        limits = (
            self.concurrency,
            self.part_size_bytes,
            self.part_concurrency,
            self.single_put_max_bytes,
            self.attempts,
            self.deadline_s,
            self.connect_timeout_s,
            self.read_timeout_s,
        )
        if min(limits) <= 0 or self.resumes < 0:
            raise ValueError("every limit of a bucket must be greater than zero")
