"""The door of boto3: no other room imports it, and none of its errors gets out.

`client` speaks, `deadline` ends what would never end, `failures` translates,
`multipart` sends what is big, `bucket` is the store made of them.
"""

from expokeep.store.s3.bucket import S3Store, create_bucket
from expokeep.store.settings import S3Settings

__all__ = ["S3Settings", "S3Store", "create_bucket"]
