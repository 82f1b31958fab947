"""Imported once by the process that victims are forked from: they begin warm.

Unlike any other module, importing it does something: it reads botocore's description
of S3, which takes a fifth of a second, and opens dozens of files.
"""

import contextlib

import killing
from expokeep.store.s3 import S3Settings, S3Store

with contextlib.closing(
    S3Store(S3Settings("http://127.0.0.1:1", "bucket", "an-id", "a-secret"))
) as store:
    store.warm()

WARM = killing.__name__
