-- Generated from agents/tailrace/lake.py by `make docs`. With your own bucket and database:
-- tailrace tables ddl --engine athena --lake s3://BUCKET/PREFIX/   (--engine trino and duckdb have theirs)
CREATE EXTERNAL TABLE IF NOT EXISTS tailrace.ledger (
  ts timestamp COMMENT 'when the object that holds the range was sealed',
  cluster string COMMENT 'the cluster\'s name',
  node string COMMENT 'the node\'s name',
  file string COMMENT 'short id of the file\'s identity and incarnation, as in logs',
  path string COMMENT 'the file\'s path when it was first seen',
  pod_uid string COMMENT 'the pod\'s uid; null for the node\'s own logs',
  container string COMMENT 'the container\'s name, as in logs',
  from_offset bigint COMMENT 'the range\'s first byte',
  to_offset bigint COMMENT 'the byte after the range\'s last',
  lines bigint COMMENT 'lines that begin in the range',
  marks bigint COMMENT 'of delivered lines the sum of their marks, numbers made of file_offset; null else, and in older objects',
  account string COMMENT 'delivered, filtered, sampled, throttled, truncated, abandoned',
  reason string COMMENT 'why the bytes are abandoned; null in the other accounts',
  object string COMMENT 'the key of the object that holds the lines; null if they are in none'
)
COMMENT 'Where every byte of every file went: one row a range of a file and an account. Ranges of one file never overlap.'
PARTITIONED BY (
  dt string COMMENT 'the day, UTC: 2026-11-20',
  hour string COMMENT 'the hour, UTC: 00 to 23'
)
STORED AS PARQUET
LOCATION 's3://your-bucket/prefix/ledger/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = 'NOW-400DAYS,NOW+1DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://your-bucket/prefix/ledger/dt=${dt}/hour=${hour}'
);
