-- Generated from agents/tailrace/lake.py by `make docs`. With your own bucket and database:
-- tailrace tables ddl --engine athena --lake s3://BUCKET/PREFIX/   (--engine trino and duckdb have theirs)
CREATE EXTERNAL TABLE IF NOT EXISTS tailrace.logs (
  ts timestamp COMMENT 'when the runtime or the journal took the line; null if the record carried no legal time',
  cluster string COMMENT 'the cluster\'s name, from the settings',
  node string COMMENT 'the node\'s name',
  namespace string COMMENT 'the pod\'s namespace, from the file\'s path; null for the node\'s own logs',
  workload_kind string COMMENT 'Deployment, StatefulSet, DaemonSet, Job, CronJob …',
  workload string COMMENT 'the workload\'s name',
  pod string COMMENT 'the pod\'s name, from the file\'s path; null as above',
  pod_uid string COMMENT 'the pod\'s uid, from the file\'s path (a static pod\'s differs from the API\'s)',
  container string COMMENT 'the container\'s name, from the file\'s path; of the node\'s own logs the systemd unit, kernel, or /the/file',
  restart int COMMENT 'the container\'s restart number, from the file\'s name',
  image string COMMENT 'the container\'s image',
  image_id string COMMENT 'the id of the image that the runtime started',
  labels string COMMENT 'the pod\'s labels, chosen annotations (annotation/NAME) and node labels (node/NAME), JSON text',
  stream string COMMENT 'stdout or stderr',
  level string COMMENT 'trace, debug, info, warn, error, fatal, or null',
  trace_id string COMMENT 'the trace\'s id as the program wrote it',
  span_id string COMMENT 'the span\'s id as the program wrote it',
  http_status int COMMENT 'the status, 100 to 599, of the HTTP request that the line tells of',
  message string COMMENT 'what was written, without the final newline; a byte 0xNN that is not UTF-8 is U+10FFNN',
  file string COMMENT 'short id of the file\'s identity and incarnation',
  file_offset bigint COMMENT 'where the line\'s first byte stands in the file',
  file_bytes bigint COMMENT 'how many bytes of the file are this line\'s, all its records with their prefixes',
  cut string COMMENT 'null for a whole line, else why it is not: size, end, quiet',
  meta_missing boolean COMMENT 'true if the pod\'s metadata was not known',
  ingest_ts timestamp COMMENT 'when the agent read the line'
)
COMMENT 'One row a line that a container wrote, or the node itself: its journal and its log files.'
PARTITIONED BY (
  dt string COMMENT 'the day, UTC: 2026-11-20',
  hour string COMMENT 'the hour, UTC: 00 to 23'
)
STORED AS PARQUET
LOCATION 's3://your-bucket/prefix/logs/'
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
  'storage.location.template' = 's3://your-bucket/prefix/logs/dt=${dt}/hour=${hour}'
);
