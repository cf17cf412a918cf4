"""glue: a table of the lake in, the table of AWS Glue's catalogue out that Athena, Trino and Firehose read it by.

No partition is ever registered: Athena works out from `projection.*` which hours there can be and looks into those that
a query's `dt` and `hour` leave. An hour before the first day, or more than a day ahead, is not looked into, and no
error says so. Trino's Hive connector reads the same properties.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tailrace.lake import TIMESTAMP, Column, Table

# Both ends move with the clock, so that no table has to be made anew. 400 days: this month beside last year's.
# Rows before the first day are missing without a word; yet a question over all times asks S3 for each hour since then.
# Whoever keeps more, or knows when their lake began, names that day instead. In days: Trino knows no years here.
FIRST_DAY = "NOW-400DAYS"
LAST_DAY = "NOW+1DAYS"  # a clock that is ahead, and the hour in which the day changes
DAY = r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|NOW-[1-9][0-9]{0,4}DAYS"  # what a first day may be
PARTITION_KEYS = (("dt", "the day, UTC: 2026-11-20"), ("hour", "the hour, UTC: 00 to 23"))
# As the packs write them: text, so that `hour BETWEEN '01' AND '05'` is what it looks like.
_TYPES = (
    (pa.string(), "string"), (pa.int32(), "int"), (pa.int64(), "bigint"), (pa.float64(), "double"),
    (pa.bool_(), "boolean"),
)  # fmt: skip
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"


def athena_type(column: Column) -> str:
    """The column's type as Hive, Glue and Athena's DDL name it. Raises ValueError if they have none for it here."""
    if column.type == TIMESTAMP:
        return "timestamp"
    plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    for known, name in _TYPES:
        if plain == known:
            return name
    raise ValueError(f"the column {column.name} is {column.type}, which has no type in Athena here")


def columns(table: Table) -> list[dict[str, str]]:
    """The columns as Glue has them, in the lake's order. Glue cuts a comment at 255 characters: none is longer."""
    return [{"Name": c.name, "Type": athena_type(c), "Comment": c.help} for c in table.columns]


def projection(
    lake: str, table: Table, first_day: str = FIRST_DAY, key: str = "${%s}", last_day: str = LAST_DAY
) -> dict[str, str]:
    """What tells Athena where the table's hours lie.

    lake: `s3://bucket/` or `s3://bucket/prefix/`. key: how a partition key is written in the place of an hour. The days
    are dates or relative to now, `NOW-30DAYS`.
    """
    return {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": f"{first_day},{last_day}",
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
        "projection.hour.type": "integer",
        "projection.hour.range": "0,23",
        "projection.hour.digits": "2",
        "storage.location.template": f"{lake}{table.name}/dt={key % 'dt'}/hour={key % 'hour'}",
    }


def table_input(
    lake: str, table: Table, first_day: str = FIRST_DAY, key: str = "${%s}", last_day: str = LAST_DAY
) -> dict[str, Any]:
    """The table as Glue's CreateTable and CloudFormation's AWS::Glue::Table take it (`TableInput`)."""
    return {
        "Name": table.name,
        "Description": table.help,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": name, "Type": "string", "Comment": help_} for name, help_ in PARTITION_KEYS],
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "parquet",
            **projection(lake, table, first_day, key, last_day),
        },
        "StorageDescriptor": {
            "Columns": columns(table),
            "Location": f"{lake}{table.name}/",
            "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
            "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe"},
        },
    }
