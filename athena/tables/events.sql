-- Generated from agents/tailrace/lake.py by `make docs`. With your own bucket and database:
-- tailrace tables ddl --engine athena --lake s3://BUCKET/PREFIX/   (--engine trino and duckdb have theirs)
CREATE EXTERNAL TABLE IF NOT EXISTS tailrace.events (
  ts timestamp COMMENT 'when it was last seen by who reports it',
  cluster string COMMENT 'the cluster\'s name, from the settings',
  node string COMMENT 'the node it was reported on; null if none is named',
  namespace string COMMENT 'the namespace of what it is about; null for what has none',
  kind string COMMENT 'the kind of what it is about: Pod, Node, Deployment …',
  name string COMMENT 'the name of what it is about',
  object_uid string COMMENT 'the uid of what it is about: a pod\'s is logs.pod_uid',
  container string COMMENT 'the container it is about, if it is about one',
  type string COMMENT 'Normal or Warning',
  reason string COMMENT 'why, in one word: BackOff, OOMKilling, FailedScheduling …',
  message string COMMENT 'what was said',
  count bigint COMMENT 'how often it has happened so far',
  first_ts timestamp COMMENT 'when it was first seen',
  reporter string COMMENT 'who reports it: kubelet, default-scheduler …',
  uid string COMMENT 'the event\'s own uid',
  resource_version string COMMENT 'which state of it this is',
  ingest_ts timestamp COMMENT 'when the agent wrote it down'
)
COMMENT 'One row a state of a Kubernetes event: an event that is counted on has another resource_version.'
PARTITIONED BY (
  dt string COMMENT 'the day, UTC: 2026-11-20',
  hour string COMMENT 'the hour, UTC: 00 to 23'
)
STORED AS PARQUET
LOCATION 's3://your-bucket/prefix/events/'
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
  'storage.location.template' = 's3://your-bucket/prefix/events/dt=${dt}/hour=${hour}'
);
