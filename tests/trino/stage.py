"""stage: a folder that is a lake in, tables of a real Trino over the same objects in S3 out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import trino.dbapi

from tailrace.lake import TABLES
from tailrace.query.glue import table_input
from tests.servers.glue import Glue
from tests.servers.trino import Trino
from tests.servers.versitygw import BUCKET, Versitygw


@dataclass(frozen=True)
class Answer:
    """What Trino answered, and how many bytes of objects it read for that."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    bytes_read: int


@dataclass(frozen=True)
class Stage:
    """The three servers."""

    s3: Versitygw
    catalogue: Glue
    trino: Trino

    def put(self, lake: Path, prefix: str) -> str:
        """The objects of a lake to `s3://bucket/prefix/`, which is returned."""
        client = self.s3.client()
        paths = sorted(lake.rglob("*.parquet"))
        assert paths, f"{lake} holds no object"
        for path in paths:
            client.put_object(Bucket=BUCKET, Key=f"{prefix}/{path.relative_to(lake)}", Body=path.read_bytes())
        return f"s3://{BUCKET}/{prefix}/"

    def tables(self, database: str, lake: Path) -> None:
        """Makes a database whose tables are over the lake, which is put there, through Glue's API as Athena's are."""
        place = self.put(lake, database)
        # Of the days that the lake holds, not those around now: the scenes' day does not move with the clock.
        days = sorted({path.name[3:] for path in lake.glob("*/dt=*")})
        last = str(date.fromisoformat(days[-1]) + timedelta(days=1))  # Trino refuses a range of one day
        glue = self.glue()
        glue.create_database(DatabaseInput={"Name": database})
        for table in TABLES:
            made = table_input(place, table, first_day=days[0], last_day=last)
            glue.create_table(DatabaseName=database, TableInput=made)

    def glue(self) -> Any:
        """A client of the catalogue."""
        return boto3.client(
            "glue", endpoint_url=self.catalogue.url, region_name=self.catalogue.env["AWS_REGION"],
            aws_access_key_id=self.catalogue.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.catalogue.env["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def ask(self, text: str, database: str, catalog: str = "awsdatacatalog", **session: str) -> Answer:
        """The answer to a text in Trino's dialect. session: properties of the catalog."""
        with trino.dbapi.connect(
            host="127.0.0.1", port=self.trino.port, user="test", catalog=catalog, schema=database,
            session_properties={f"{catalog}.{name}": value for name, value in session.items()},
        ) as connection:  # fmt: skip
            cursor = connection.cursor()
            cursor.execute(text)
            rows = cursor.fetchall()
            columns = tuple(column.name for column in cursor.description or ())
            return Answer(columns, rows, int((cursor.stats or {})["physicalInputBytes"]))


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The servers, which are ended with the context."""
    for name in ("s3", "trino"):
        (folder / name).mkdir()
    with Versitygw(folder / "s3") as s3, Glue(folder) as glue, Trino(folder / "trino", glue, s3) as server:
        yield Stage(s3, glue, server)
