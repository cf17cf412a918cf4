-- Generated from agents/tailrace/lake.py by `make docs`. With your own bucket and database:
-- tailrace tables ddl --engine athena --lake s3://BUCKET/PREFIX/   (--engine trino and duckdb have theirs)
CREATE EXTERNAL TABLE IF NOT EXISTS tailrace.pods (
  ts timestamp COMMENT 'when the change was seen',
  cluster string COMMENT 'the cluster\'s name, from the settings',
  node string COMMENT 'the node it runs on; null before it is scheduled',
  namespace string COMMENT 'the pod\'s namespace',
  workload_kind string COMMENT 'Deployment, StatefulSet, DaemonSet, Job, CronJob …',
  workload string COMMENT 'the workload\'s name',
  pod string COMMENT 'the pod\'s name',
  pod_uid string COMMENT 'the pod\'s uid, as in logs',
  container string COMMENT 'the container\'s name; null if the pod has no status of one',
  phase string COMMENT 'Pending, Running, Succeeded, Failed, Unknown; Deleted when it is gone',
  ready boolean COMMENT 'whether the container is ready',
  state string COMMENT 'waiting, running, terminated',
  reason string COMMENT 'why it is in that state: CrashLoopBackOff, OOMKilled …',
  restart int COMMENT 'how often it was restarted',
  start_ts timestamp COMMENT 'when it last began to run',
  end_ts timestamp COMMENT 'when it last ended',
  end_reason string COMMENT 'why it last ended: OOMKilled, Error, Completed …',
  exit_code int COMMENT 'with what it last ended',
  image string COMMENT 'the container\'s image',
  labels string COMMENT 'the pod\'s labels, JSON text',
  requests string COMMENT 'the container\'s requests, JSON text',
  limits string COMMENT 'the container\'s limits, JSON text',
  resource_version string COMMENT 'of the pod when it was seen',
  ingest_ts timestamp COMMENT 'when the agent wrote it down'
)
COMMENT 'One row a change of a container\'s state, as its pod\'s status told it; a pod without containers yet has one row.'
PARTITIONED BY (
  dt string COMMENT 'the day, UTC: 2026-11-20',
  hour string COMMENT 'the hour, UTC: 00 to 23'
)
STORED AS PARQUET
LOCATION 's3://your-bucket/prefix/pods/'
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
  'storage.location.template' = 's3://your-bucket/prefix/pods/dt=${dt}/hour=${hour}'
);
