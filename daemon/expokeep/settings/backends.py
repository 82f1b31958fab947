"""The settings of the two servers that we keep things on. Part of the one declaration.

Either may be missing: what is snapshot then waits in the spool, and nothing is lost.
"""

from dataclasses import dataclass

from expokeep.settings import kinds
from expokeep.settings.declare import secret, setting
from expokeep.settings.kinds import SWITCH, duration, size, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The bucket. Without an endpoint and credentials, all is kept in the spool."""

    endpoint: str | None = setting(
        kinds.URL, None, "The S3 API, without the bucket.", env="R2_ENDPOINT"
    )
    bucket: str = setting(
        kinds.BUCKET,
        "promptfuel-builds",
        "Its name. It must exist already.",
        env="R2_BUCKET_NAME",
    )
    access_key_id: str | None = secret(
        kinds.SECRET,
        "The id of a key that may read and write objects in this bucket, no more.",
        env="R2_ACCESS_KEY_ID",
        credential="access-key-id",
    )
    secret_access_key: str | None = secret(
        kinds.SECRET,
        "The key itself. Better in a file of its own than in this one.",
        env="R2_SECRET_ACCESS_KEY",
        credential="secret-access-key",
    )
    public_url: str | None = setting(
        kinds.URL,
        None,
        "Where the world sees this bucket, for what is published. Links that work for "
        "a while are never on it: they need the S3 endpoint.",
        env="R2_PUBLIC_URL",
    )
    prefix: str = setting(
        kinds.KEY_PREFIX, "v1/", "All our objects are below it; others are left alone."
    )
    region: str = setting(kinds.REGION, "auto", "R2 has one region, auto.")
    force_path_style: bool = setting(
        SWITCH,
        "true",
        "https://host/bucket, not https://bucket.host: works everywhere.",
    )
    concurrency: int = setting(
        whole(1, 256), "32", "Requests at a time, all sessions together."
    )
    part_size_bytes: int = setting(
        size("5MB", "5GB"), "16MB", "Larger objects go up in equal parts of this size."
    )
    part_concurrency: int = setting(
        whole(1, 32),
        "2",
        "Parts of one object at a time; each needs its size in memory.",
    )
    retries: int = setting(
        whole(0, 100),
        "8",
        "How often a request is repeated before it waits in the spool.",
    )
    retry_max_delay_s: float = setting(
        duration("10ms", "10m"), "30s", "The longest pause between two attempts."
    )

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that the bucket needs and that are not set."""
        needed = {
            "storage.endpoint": self.endpoint,
            "storage.access-key-id": self.access_key_id,
            "storage.secret-access-key": self.secret_access_key,
        }
        return tuple(key for key, value in needed.items() if value is None)

    @property
    def configured(self) -> bool:
        """Whether there is a bucket to talk to; if not, snapshots stay in the spool."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The catalog: a Postgres, in a schema of our own."""

    url: str | None = secret(
        kinds.DATABASE_URL,
        "Options of a Prisma URL that Postgres does not know are ignored.",
        env="DATABASE_URL",
        credential="database-url",
    )
    schema: str = setting(
        kinds.SCHEMA,
        "expokeep",
        "Apart from the application's, so Prisma sees no drift.",
    )
    legacy_tables: bool = setting(
        SWITCH,
        "true",
        'Whether "BuildSession" and "BuildFile" are kept in step, where they are. The '
        "same on all hosts, as the two that follow.",
    )
    app_schema: str = setting(
        kinds.APP_SCHEMA, "public", "The schema that the application's Prisma uses."
    )
    legacy_share_token: bool = setting(
        SWITCH,
        "false",
        "Whether shareToken shows the newest live token. Whoever may read the table "
        "can use it then; and it is stored in the clear.",
    )
    pool_size: int = setting(whole(1, 100), "5", "Connections at most.")
    lease_ttl_s: float = setting(
        duration("1s", "1h"),
        "30s",
        "So long a session stays ours after we were last heard of; then another host "
        "may take it over.",
    )

    facts_within_s: float = setting(
        duration("1s", "1d"),
        "5m",
        "What no pack can hold, such as labels and which version is the newest, is in "
        "the bucket too after so long: that much of it can be lost with Postgres.",
    )

    @property
    def configured(self) -> bool:
        """Whether there is a catalog to talk to."""
        return self.url is not None
