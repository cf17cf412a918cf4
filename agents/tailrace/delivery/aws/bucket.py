"""bucket: names and payloads to objects of an S3 bucket, each put once and never again.

A payload above a size is sent in parts, which nobody sees until the last request puts them together; that request, as
the one that puts a small payload, has the condition that the name is free. So a name has one content for ever.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tailrace.config.values import MIB
from tailrace.delivery.aws.client import calling
from tailrace.delivery.aws.errors import status_of
from tailrace.delivery.refusal import Refused

if TYPE_CHECKING:
    import pyarrow as pa

PART = 16 * MIB  # S3 wants parts of at least 5 MiB, and at most 10,000 of them

COUNTERS = (
    ("put_requests", "Requests that put an object, or a part of one, or put parts together; each is billed."),
    ("put_bytes", "Bytes of objects and ledger rows that were sent, those sent again too."),
    ("head_requests", "Requests that asked whether an object is there."),
    ("conflicts", "Objects that turned out to be stored already (412)."),
    ("aborted_uploads", "Uploads in parts that were taken back, after a failure or after a crash."),
)


class Bucket:
    """A bucket, or what of it lies below a prefix. Every method raises Refused."""

    def __init__(
        self,
        s3: Any,
        name: str,
        prefix: str,
        owner: str,
        new: dict[str, Any],
        multipart_bytes: int,
        counters: dict[str, float],
    ) -> None:
        """s3: a client. owner: the account it must belong to, "" for any. new: what every new object is given, as
        PutObject takes it. counters: those in COUNTERS."""
        self.arn = f"arn:{s3.meta.partition}:s3:::{name}"
        self._objects = f"{self.arn}/{prefix}*"
        self._s3, self._new, self._multipart_bytes, self._counters = s3, new, multipart_bytes, counters
        self._unsure: set[str] = set()  # names that were put without an answer that says whether they are there
        self._of = {"Bucket": name, **({"ExpectedBucketOwner": owner} if owner else {})}

    def put(self, name: str, payload: pa.Buffer) -> None:
        """Have the payload under the name. If the name is taken nothing is changed."""
        large = payload.size > self._multipart_bytes
        # To be told by a 412 costs as much as to send it; and a server may say it while we send, and hang up.
        if (large or name in self._unsure) and self.has(name):
            self._counters["conflicts"] += 1
        else:
            try:
                (self._put_parts if large else self._put_whole)(name, payload)
            except Refused as e:
                if e.reason in ("timeout", "unreachable", "failed"):
                    self._unsure.add(name)
                raise
        self._unsure.discard(name)

    def _put_whole(self, name: str, payload: pa.Buffer) -> None:
        with calling("s3:PutObject", self._objects):
            self._counters["put_requests"] += 1
            self._counters["put_bytes"] += payload.size
            self._once(self._s3.put_object, Key=name, Body=_readable(payload), **self._of, **self._new)

    def _once(self, put: Any, **request: Any) -> bool:
        """Make the request on the condition that the name is free. Returns whether it was."""
        from botocore.exceptions import ClientError

        try:
            _sure(put(**request, IfNoneMatch="*"))
        except ClientError as e:
            if status_of(e) != 412:
                raise
            self._counters["conflicts"] += 1
            return False
        return True

    def _put_parts(self, name: str, payload: pa.Buffer) -> None:
        self.take_back(name)
        upload = self.begin(name)
        try:
            parts = [self._part(name, upload, payload, at) for at in range(0, payload.size, PART)]
            with calling("s3:PutObject", self._objects):
                self._counters["put_requests"] += 1
                completed = self._once(
                    self._s3.complete_multipart_upload,
                    Key=name, UploadId=upload, MultipartUpload={"Parts": parts}, **self._of,
                )  # fmt: skip
        except Refused:
            self._try_to_abort(name, upload)
            raise
        if not completed:
            self._try_to_abort(name, upload)

    def begin(self, name: str) -> str:
        """Begin an upload in parts; returns its id."""
        with calling("s3:PutObject", self._objects):
            self._counters["put_requests"] += 1
            begun = self._s3.create_multipart_upload(Key=name, ChecksumAlgorithm="CRC32", **self._of, **self._new)
        return str(begun["UploadId"])

    def _part(self, name: str, upload: str, payload: pa.Buffer, at: int) -> dict[str, Any]:
        number, part = at // PART + 1, payload.slice(at, min(PART, payload.size - at))
        with calling("s3:PutObject", self._objects):
            self._counters["put_requests"] += 1
            self._counters["put_bytes"] += part.size
            put = self._s3.upload_part(
                Key=name,
                UploadId=upload,
                PartNumber=number,
                Body=_readable(part),
                ChecksumAlgorithm="CRC32",
                **self._of,
            )
        checksum = {"ChecksumCRC32": put["ChecksumCRC32"]} if "ChecksumCRC32" in put else {}
        return {"PartNumber": number, "ETag": put["ETag"], **checksum}

    def abort(self, name: str, upload: str) -> None:
        """Take back an upload and its parts; one that is not there any more is fine."""
        from botocore.exceptions import ClientError

        with calling("s3:AbortMultipartUpload", self._objects):
            try:
                self._s3.abort_multipart_upload(Key=name, UploadId=upload, **self._of)
            except ClientError as e:
                if status_of(e) != 404:
                    raise
        self._counters["aborted_uploads"] += 1

    def _try_to_abort(self, name: str, upload: str) -> None:
        with suppress(Refused):  # the next try finds it, or else the bucket's lifecycle does
            self.abort(name, upload)

    def take_back(self, name: str) -> None:
        """Abort the uploads of that name, as far as that can be done now. No two agents put the same object, so that
        they are of one that was killed, or of a call that failed."""
        with suppress(Refused):
            for upload in self.uploads(name):
                self.abort(name, upload)

    def uploads(self, name: str) -> list[str]:
        """The ids of uploads of that name that are neither complete nor taken back."""
        with calling("s3:ListBucketMultipartUploads", self.arn):
            found = self._s3.list_multipart_uploads(Prefix=name, **self._of)
        return [str(upload["UploadId"]) for upload in found.get("Uploads", ()) if upload["Key"] == name]

    def has(self, name: str) -> bool:
        """Whether there is an object of that name."""
        from botocore.exceptions import ClientError

        with calling("s3:GetObject", self._objects):
            self._counters["head_requests"] += 1
            try:
                _sure(self._s3.head_object(Key=name, **self._of))
            except ClientError as e:
                if status_of(e) == 404:
                    return False
                if status_of(e) not in (400, 403):
                    raise
                # The answer to a HEAD says not what is wrong: the clock, the token, a permission. That to a GET does.
                self._s3.get_object(Key=name, Range="bytes=0-0", **self._of)["Body"].close()
        return True

    def look(self) -> None:
        """Whether the bucket is there and can be listed."""
        with calling("s3:ListBucket", self.arn):
            self._s3.list_objects_v2(MaxKeys=1, **self._of)

    def close(self) -> None:
        """Close its connections."""
        self._s3.close()


def _sure(answer: dict[str, Any]) -> None:
    """Raises Refused if it is no answer of S3: a web server that says 200 to everything has stored nothing."""
    if not answer.get("ETag"):
        raise Refused("failed", "the answer has no ETag, so it is not S3 that gave it", "check endpoint")


def _readable(payload: pa.Buffer) -> Any:
    """A file over the payload's own memory."""
    import pyarrow as pa

    return pa.BufferReader(payload)
