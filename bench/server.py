"""The one server that everybody is measured against: buckets to order, and their size.

Talks to the server directly, never through the wire that delays and counts.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from bench.peers.base import Bucket
from expokeep.embedded.seaweed import Seaweed

_WARM = "warm"


class Server:
    """An S3 server, and the wire's end that peers shall use instead of it."""

    def __init__(self, seaweed: Seaweed, endpoint: str) -> None:
        self.seaweed = seaweed
        self._endpoint = endpoint
        self._numbers = itertools.count()
        self.s3 = boto3.client(
            "s3",
            endpoint_url=seaweed.endpoint_url,
            aws_access_key_id=seaweed.access_key_id,
            aws_secret_access_key=seaweed.secret_access_key,
            region_name="us-east-1",
        )

    @contextmanager
    def bucket(self) -> Iterator[Bucket]:
        """Lend a bucket that is gone afterwards.

        It has been written to once: the server makes a bucket's files on the first
        write, which takes 0.2 s and is nobody's fault.
        """
        name = f"bench-{next(self._numbers)}"
        self.s3.create_bucket(Bucket=name)
        self.s3.put_object(Bucket=name, Key=_WARM, Body=b"up")
        self.s3.delete_object(Bucket=name, Key=_WARM)
        seaweed = self.seaweed
        try:
            yield Bucket(
                self._endpoint, name, seaweed.access_key_id, seaweed.secret_access_key
            )
        finally:
            self._remove(name)

    def stored_bytes(self, bucket: Bucket) -> int:
        """Return the sizes of all objects in a bucket, added up."""
        return sum(
            item["Size"]
            for page in self._pages(bucket.name)
            for item in page.get("Contents", [])
        )

    def _pages(self, name: str) -> Iterator[Any]:
        return iter(self.s3.get_paginator("list_objects_v2").paginate(Bucket=name))

    def _remove(self, name: str) -> None:
        for page in self._pages(name):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                self.s3.delete_objects(Bucket=name, Delete={"Objects": keys})
        self.s3.delete_bucket(Bucket=name)
