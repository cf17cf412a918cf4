"""s3: sealed objects as Parquet objects in a bucket, laid out as the lake is. Guarantee: exactly once.

Each is put on the condition that its name is free (`If-None-Match: *`). If it is taken the object was stored before,
perhaps by a call whose answer was lost: equal keys mean equal lines. So a call may be made again at any time.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from tailrace.config.settings import Setting
from tailrace.config.values import GIB, MIB, Choice, Names, Size, Switch, Text
from tailrace.delivery.aws.bucket import COUNTERS, Bucket
from tailrace.delivery.aws.client import AwsSettings, client
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import Finding, Place, Sink

if TYPE_CHECKING:
    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.objects import Sealed
    from tailrace.lake import Partition, Table

_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_CLASSES = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "EXPRESS_ONEZONE")


class S3Settings(AwsSettings, frozen=True, kw_only=True):
    """How objects are put. The bucket is named by `lake`."""

    sse: Annotated[
        str,
        Setting(
            "s3", Choice(("none", "AES256", "aws:kms")), "Encryption that is asked for; none: the bucket's own.",
            "aws:kms",
        ),
    ] = "none"  # fmt: skip
    kms_key: Annotated[
        str, Setting("s3", Text(), "The key of sse aws:kms; empty: the account's own for S3.", "alias/lake")
    ] = ""
    bucket_owner: Annotated[
        str, Setting("s3", Text(), "The account that the bucket must belong to, 12 digits.", "123456789012")
    ] = ""
    tags: Annotated[
        tuple[str, ...],
        Setting(
            "s3", Names(pattern=r"[\w .:/+@-]{1,128}=[\w .:/+=@-]{0,256}", meaning="a tag (key=value)"),
            "Tags of every object, at most 10.", "team=platform,retention=30d",
        ),
    ] = ()  # fmt: skip
    storage_class: Annotated[
        str, Setting("s3", Choice(_CLASSES), "The storage class of new objects.", "INTELLIGENT_TIERING")
    ] = "STANDARD"
    path_style: Annotated[
        bool,
        Setting("s3", Switch(), "Name the bucket in the path, not the host; most S3-like stores ask it.", "true"),
    ] = False
    multipart_bytes: Annotated[
        int, Setting("s3", Size(8 * MIB, 4 * GIB), "Objects above this are sent in parts of 16 MiB.", "128MiB")
    ] = 64 * MIB


class S3Sink(Sink):
    """A lake in a bucket."""

    name: ClassVar = "s3"
    guarantee: ClassVar = "exactly once"
    Settings: ClassVar = S3Settings
    any_table: ClassVar = True
    COUNTERS: ClassVar = COUNTERS
    exact: ClassVar = True

    def __init__(self, s3: Any, bucket: str, prefix: str, settings: S3Settings) -> None:
        """s3: a client. prefix: of all names, with a slash at its end, or empty."""
        super().__init__()
        new = _every_new_object(settings)
        self._bucket = Bucket(s3, bucket, prefix, settings.bucket_owner, new, settings.multipart_bytes, self.counters)
        self._prefix = prefix
        self._lines_stored: set[str] = set()  # keys whose lines are stored and whose ledger rows are not yet

    @classmethod
    def open(cls, settings: S3Settings, place: Place) -> S3Sink:
        """The lake at `place.lake`, s3://bucket/prefix. Raises ValueError if that or a setting is wrong."""
        bucket, prefix = bucket_and_prefix(place.lake)
        if settings.kms_key and settings.sse != "aws:kms":
            raise ValueError("s3 kms_key is set, but sse is not aws:kms: nothing was read; set both or neither")
        if settings.bucket_owner and not re.fullmatch(r"[0-9]{12}", settings.bucket_owner, re.ASCII):
            raise ValueError(f"s3 bucket_owner is {settings.bucket_owner!r}: write the account's 12 digits")
        if len(settings.tags) > 10:
            raise ValueError(f"s3 tags are {len(settings.tags)}, and S3 takes 10 an object: remove some")
        style = {"addressing_style": "path" if settings.path_style else "auto"}
        return cls(client("s3", settings, s3=style), bucket, prefix, settings)

    def encoder(self, table: Table) -> Encoder:
        """Parquet."""
        from tailrace.delivery.encode import ParquetEncoder

        return ParquetEncoder(table)

    def store(self, sealed: Sealed) -> None:
        """Put the object, then its ledger rows. Raises Refused; what is stored by then is not sent again."""
        if sealed.payload is not None and sealed.key not in self._lines_stored:
            self._bucket.put(self._name(sealed.partition, sealed.key), sealed.payload)
            self._lines_stored.add(sealed.key)
        self._bucket.put(self._name(sealed.ledger_partition, sealed.key), sealed.ledger)
        self._lines_stored.discard(sealed.key)

    def has(self, sealed: Sealed) -> bool:
        """Whether the object is there, or its ledger rows: those came later, and an object may have been compacted
        since. What a crash left half sent is taken back. Raises Refused."""
        name = self._name(sealed.partition, sealed.key)
        if self._bucket.has(name) or self._bucket.has(self._name(sealed.ledger_partition, sealed.key)):
            return True
        self._bucket.take_back(name)
        return False

    def check(self) -> Iterator[Finding]:
        """Try each permission that a run needs: with an upload that is begun and taken back, and with a name that is
        free. Ends at the first failure that is not about a permission."""
        bucket, name = self._bucket, f"{self._prefix}tailrace-check-{uuid.uuid4().hex}"
        steps: tuple[tuple[str, Callable[[], object]], ...] = (
            ("is there", bucket.look),
            ("takes objects: an upload was begun, and taken back", lambda: bucket.abort(name, bucket.begin(name))),
            ("says which objects it has", lambda: bucket.has(name)),
            ("says which uploads a crash left half sent", lambda: bucket.uploads(name)),
        )
        for what, step in steps:
            try:
                step()
            except Refused as e:
                yield Finding(False, e.what, e.mend)
                if e.reason != "denied":
                    return
            else:
                yield Finding(True, f"{bucket.arn} {what}")

    def close(self) -> None:
        """Close its connections."""
        self._bucket.close()

    def _name(self, partition: Partition, key: str) -> str:
        return f"{self._prefix}{partition.path}/{key}.parquet"


def bucket_and_prefix(lake: str) -> tuple[str, str]:
    """`s3://bucket/a/b` as ("bucket", "a/b/"). Raises ValueError."""
    found = re.fullmatch(rf"s3://({_BUCKET})(?:/(.*))?", lake, re.ASCII)
    if not found:
        what = f"lake is {lake!r}, but the sink s3" if lake else "the sink s3"
        raise ValueError(f"{what} needs a bucket: nothing was read; name it like --lake s3://bucket/prefix")
    prefix = "/".join(part for part in (found[2] or "").split("/") if part)
    return found[1], f"{prefix}/" if prefix else ""


def _every_new_object(settings: S3Settings) -> dict[str, Any]:
    """What every object is given, as PutObject and CreateMultipartUpload take it."""
    new: dict[str, Any] = {"ContentType": "application/vnd.apache.parquet"}
    if settings.sse != "none":
        new["ServerSideEncryption"] = settings.sse
    if settings.sse == "aws:kms":
        new["BucketKeyEnabled"] = True  # or each object is a call of KMS, billed and limited
    if settings.kms_key:
        new["SSEKMSKeyId"] = settings.kms_key
    if settings.storage_class != "STANDARD":
        new["StorageClass"] = settings.storage_class
    if settings.tags:
        new["Tagging"] = urlencode([tag.partition("=")[::2] for tag in settings.tags], quote_via=quote)
    return new
