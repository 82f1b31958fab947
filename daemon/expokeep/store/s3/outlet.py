"""The bucket for others: objects with a look of their own, and links to them."""

from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from expokeep.model.digest import Digest
from expokeep.store.outlet import MAX_LIFETIME_S, Look
from expokeep.store.s3.bucket import S3Store
from expokeep.store.s3.failures import is_missing, translated
from expokeep.store.s3.multipart import Upload


class S3Outlet(S3Store):
    """Implements `store.outlet.OutletStore`. Safe to share between threads."""

    def publish(
        self, key: str, path: Path, sha256: Digest, look: Look, *, replace: bool
    ) -> None:
        """Make the bytes of `path` durable at `key`; see `Outlet.publish`."""
        headers = {
            "ContentType": look.media_type,
            "CacheControl": look.cache_control,
            "ContentDisposition": f'attachment; filename="{look.file_name}"',
        }
        self._put(
            Upload(
                key=key,
                path=path,
                size_bytes=path.stat().st_size,
                sha256=sha256,
                progress=None,
                headers=headers,
                notes=look.notes,
                replaces=replace,
            )
        )

    def notes(self, key: str) -> Mapping[str, str] | None:
        """Return what was noted with an object."""
        with self._asking("head", key):
            try:
                answer = self._s3.head_object(**self._bucket, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            found: dict[str, str] = answer.get("Metadata", {})
            return found

    def signed_link(self, key: str, *, lifetime_s: float) -> str:
        """Return a URL that works for so long, on the S3 endpoint."""
        if not 1 <= lifetime_s <= MAX_LIFETIME_S:
            raise ValueError(f"no link lives for {lifetime_s:g} s")
        with translated("sign", key):
            link: str = self._s3.generate_presigned_url(
                "get_object",
                Params={**self._bucket, "Key": key},
                ExpiresIn=int(lifetime_s),
            )
            return link
