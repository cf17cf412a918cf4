-- Generated from agents/tailrace/lake.py by `make docs`. With your own bucket and database:
-- tailrace tables ddl --engine athena --lake s3://BUCKET/PREFIX/   (--engine trino and duckdb have theirs)
CREATE EXTERNAL TABLE IF NOT EXISTS tailrace.metrics (
  ts timestamp COMMENT 'when the node looked; the same for all rows of one look',
  cluster string COMMENT 'the cluster\'s name, from the settings',
  node string COMMENT 'the node\'s name',
  namespace string COMMENT 'the pod\'s namespace; null for what is no pod\'s',
  pod string COMMENT 'the pod\'s name, as in logs; null as above',
  container string COMMENT 'the container\'s name, as in logs; null for what is no container\'s',
  name string COMMENT 'the sample\'s name, as on /metrics: node_load1 …',
  type string COMMENT 'counter, gauge, untyped …',
  labels string COMMENT 'its other labels, JSON text, names sorted; {} if there are none',
  value double COMMENT 'what it was; null for what is no finite number',
  ingest_ts timestamp COMMENT 'when the agent wrote it down'
)
COMMENT 'One row a sample: what one series was at the moment at which its node looked. A counter\'s rate is for the query.'
PARTITIONED BY (
  dt string COMMENT 'the day, UTC: 2026-11-20',
  hour string COMMENT 'the hour, UTC: 00 to 23'
)
STORED AS PARQUET
LOCATION 's3://your-bucket/prefix/metrics/'
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
  'storage.location.template' = 's3://your-bucket/prefix/metrics/dt=${dt}/hour=${hour}'
);
