"""What a key may see beyond our objects: asked only by reading."""

from botocore.exceptions import ClientError

from expokeep.store.s3.bucket import S3Store
from expokeep.store.s3.failures import code_of


class LookingStore(S3Store):
    """A bucket, and what else its key lets one see."""

    def other_buckets(self) -> list[str]:
        """Return the other buckets that this key may list; none if it may not."""
        with self._asking("list buckets", ""):
            try:
                found = self._s3.list_buckets().get("Buckets", [])
            except ClientError:
                return []
            ours = self._bucket["Bucket"]
            return [one["Name"] for one in found if one["Name"] != ours]

    def deleting_rules(self, prefix: str) -> list[str] | None:
        """Return the rules by which the server deletes objects below a prefix.

        Those that end unfinished uploads are no such rules. None: this key may not see.
        """
        with self._asking("read rules", prefix):
            try:
                answer = self._s3.get_bucket_lifecycle_configuration(**self._bucket)
            except ClientError as error:
                code = code_of(error)
                return [] if code == "NoSuchLifecycleConfiguration" else None
            return [
                rule.get("ID") or _prefix_of(rule) or "without a name"
                for rule in answer.get("Rules", [])
                if rule.get("Status") == "Enabled"
                and "Expiration" in rule
                and _meet(_prefix_of(rule), prefix)
            ]


def _prefix_of(rule: dict[str, object]) -> str:
    filtered = rule.get("Filter")
    within = filtered.get("Prefix") if isinstance(filtered, dict) else None
    return str(within or rule.get("Prefix") or "")


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
