"""s3_lake: a lake in a bucket of S3 to objects that DuckDB reads by ranges, through boto3 and its usual credentials.

DuckDB asks for a footer and for the columns' bytes of the row groups that it needs; each is one GET with a range. So
what a question does not need is not fetched, as if the object lay on a disk.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]

from tailrace.query.answer import Failed
from tailrace.query.aws_errors import explained
from tailrace.query.parameters import WrongUse
from tailrace.query.settings import QuerySettings

NAME = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*?))?/*")
LISTS = 16  # requests at once: each waits some 30 ms for S3, and a month has 720 hours
WHAT = "the lake was not read"


class Bucket:
    """A lake below s3://bucket/prefix."""

    def __init__(self, s3: Any, bucket: str, prefix: str, needs: tuple[str, ...] = ()) -> None:
        """s3: a client. prefix: without slashes at its ends."""
        self.root = f"s3://{bucket}/{prefix}".rstrip("/")
        self.fault = ""
        self._s3, self._bucket, self._prefix, self._needs = s3, bucket, f"{prefix}/" if prefix else "", needs
        self.sizes: dict[str, int] = {}  # bytes, of what was listed
        self._files = Objects(self)

    @classmethod
    def named(cls, lake: str, settings: QuerySettings) -> Bucket:
        """The lake called s3://bucket/prefix. Raises WrongUse."""
        match = NAME.fullmatch(lake)
        if match is None:
            raise WrongUse(f"{lake!r} is no lake: name a folder, or s3://BUCKET/PREFIX, with --lake")
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        session = Session()
        if region := settings.region or os.environ.get("AWS_REGION"):
            session.set_config_variable("region", region)
        style = {"addressing_style": "path"} if settings.endpoint else {}
        config = Config(retries={"mode": "standard", "total_max_attempts": 4}, s3=style, max_pool_connections=64)
        try:
            client = session.create_client("s3", endpoint_url=settings.endpoint or None, config=config)
        except (BotoCoreError, ValueError) as error:
            raise Failed(explained(error, WHAT)) from None
        return cls(client, match[1], match[2] or "", _needs(settings, client.meta.region_name))

    def hours(self, table: str) -> list[tuple[str, str]]:
        """As Lake's: a LIST for the days, and every hour of each, which is seen to when its objects are asked for."""
        days = [name[3:] for name in self._folders(f"{table}/") if name.startswith("dt=")]
        return [(day, f"{hour:02}") for day in days for hour in range(24)]

    def objects(self, table: str, hours: Sequence[tuple[str, str]]) -> list[str]:
        """As Lake's: a LIST for each hour, several at once."""
        below = [f"{table}/dt={dt}/hour={hour}/" for dt, hour in hours]
        with ThreadPoolExecutor(LISTS) as several:
            return [path for of_hour in several.map(self._objects_below, below) for path in of_hour]

    def _objects_below(self, below: str) -> list[str]:
        sizes = {
            f"s3://{self._bucket}/{each['Key']}": each["Size"]
            for each in self._listed("Contents", below)
            if each["Key"].endswith(".parquet")
        }
        self.sizes |= sizes
        return sorted(sizes)

    def pattern(self, path: str) -> str:
        """As Lake's: our own `glob` knows no patterns."""
        return path

    def allowed(self) -> tuple[str, ...]:
        """As Lake's."""
        return (self.root,)

    def attach(self, connection: Any) -> None:
        """Let DuckDB ask us for what begins with s3://."""
        connection.register_filesystem(self._files)

    def detach(self, connection: Any) -> None:
        """DuckDB and Python would keep each other alive otherwise."""
        connection.unregister_filesystem("s3")

    def needs(self) -> tuple[str, ...]:
        """As Lake's: DuckDB's own reader, which it downloads."""
        return self._needs

    def open(self, path: str) -> BinaryIO:
        """As Lake's."""
        return cast(BinaryIO, Object(self._part(path), self.sizes[path]))

    def _part(self, path: str) -> Callable[[int, int], bytes]:
        key = path.removeprefix(f"s3://{self._bucket}/")

        def part(first: int, end: int) -> bytes:
            from botocore.exceptions import BotoCoreError, ClientError

            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={first}-{end - 1}")
                return cast(bytes, answer["Body"].read())
            except (BotoCoreError, ClientError) as error:
                self.fault = f"{path}: {explained(error, WHAT)}"
                raise OSError(self.fault) from None

        return part

    def _folders(self, below: str) -> list[str]:
        prefix = self._prefix + below
        return [each["Prefix"][len(prefix) : -1] for each in self._listed("CommonPrefixes", below)]

    def _listed(self, kind: str, below: str) -> Iterator[Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        folders = {"Delimiter": "/"} if kind == "CommonPrefixes" else {}
        pages = self._s3.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + below, **folders):
                yield from page.get(kind, [])
        except (BotoCoreError, ClientError) as error:
            raise Failed(explained(error, WHAT)) from None


def _needs(settings: QuerySettings, region: str) -> tuple[str, ...]:
    options = ["TYPE s3", "PROVIDER credential_chain", f"REGION '{region}'"]
    if settings.endpoint:
        scheme, _, host = settings.endpoint.partition("://")
        secure = str(scheme == "https").lower()
        options += [f"ENDPOINT '{host.rstrip('/')}'", "URL_STYLE 'path'", f"USE_SSL {secure}"]
    return ("INSTALL httpfs", "INSTALL aws", f"CREATE SECRET ({', '.join(options)})")


class Object(io.RawIOBase):
    """An object to read from anywhere in it; each read is one GET."""

    def __init__(self, part: Callable[[int, int], bytes], size: int) -> None:
        """part: gives the bytes [first, end)."""
        super().__init__()
        self._part, self._size, self._at = part, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As a file's."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """As a file's."""
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        if end <= self._at:
            return b""
        found = self._part(self._at, end)
        self._at += len(found)
        return found


class Objects(AbstractFileSystem):  # type: ignore[misc]
    """The objects that were listed, as DuckDB asks a file system of Python's for them."""

    protocol = "s3"
    cachable = False

    def __init__(self, bucket: Bucket) -> None:
        super().__init__()
        self._of = bucket

    def glob(self, path: str, **_: Any) -> list[str]:
        """The path itself: DuckDB is only ever told of objects that were listed."""
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        """Whether it was listed."""
        return path in self._of.sizes

    def isfile(self, path: str) -> bool:
        """Whether it was listed."""
        return path in self._of.sizes

    def isdir(self, path: str) -> bool:
        """None of them is."""
        return path not in self._of.sizes

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What DuckDB wants to know: the size."""
        return {"name": path, "size": self._of.sizes[path], "type": "file"}

    def modified(self, path: str) -> datetime:  # noqa: ARG002
        """An object never changes."""
        return datetime(2000, 1, 1, tzinfo=UTC)

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        """An object to read."""
        if mode != "rb":
            raise OSError("a lake in a bucket is only read")
        return self._of.open(path)
