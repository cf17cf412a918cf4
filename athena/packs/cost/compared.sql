-- title: Cost compared
-- question: What would the same lines cost a month straight to S3, through Firehose, and in CloudWatch Logs?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   seal_seconds integer = 60 "how often a node seals an object";
--   lake_put number = 0.005 "USD for 1,000 PUTs"; lake_get number = 0.0004 "USD for 1,000 GETs";
--   insights_scan number = 0.005 "USD a GB that Logs Insights reads";
--   keep_days integer = 30 "days that lines are kept";
--   parquet number = 0.174 "bytes in the lake for each byte written";
--   row_extra integer = 700 "bytes of a line's columns as JSON";
--   lake_storage number = 0.023 "USD a GB and month in S3"; firehose_ingest number = 0.029 "USD a GB";
--   firehose_conversion number = 0.018 "USD a GB"; cloudwatch_ingest number = 0.5 "USD a GB";
--   cloudwatch_storage number = 0.03 "USD a GB and month"; athena_scan number = 5 "USD a TB"
-- engines: athena, trino, duckdb
WITH nodes AS (
  SELECT node, count(*) AS lines, sum(file_bytes) AS bytes
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY node
),
days AS (  -- a day like the window
  SELECT
    count(*) AS nodes,
    sum(lines) * 86400e0 / (to_unixtime(@to) - to_unixtime(@from)) AS lines,
    sum(bytes) * 86400e0 / (to_unixtime(@to) - to_unixtime(@from)) AS bytes,
    1e0 * sum(bytes) / sum(lines) + @row_extra AS line_sent,  -- a line with its columns as JSON
    greatest(1e0, 1e0 * sum(bytes) / sum(lines) - 44) AS message  -- without what the runtime puts before it
  FROM nodes
),
sizes AS (  -- objects of the sink s3; what Firehose bills a line for, alone and among those that fit into its record
  SELECT
    *,
    greatest(nodes * 86400e0 / @seal_seconds, bytes / 268435456) AS objects,
    ceil(line_sent / 5120) * 5120 AS alone,
    ceil(greatest(1e0, least(5e2, floor(1024000 / line_sent))) * line_sent / 5120) * 5120
      / greatest(1e0, least(5e2, floor(1024000 / line_sent))) AS packed,
    greatest(2.88e2, lines * line_sent / 134217728) AS written  -- Firehose's objects: each 5 minutes, or 128 MiB
  FROM days
),
ways AS (
  SELECT
    way,
    CASE way  -- GB a month that the service counts; Firehose counts a ledger record of each object, too
      WHEN 's3' THEN bytes
      WHEN 'firehose, packed' THEN lines * packed + objects * 10240
      WHEN 'firehose, a line a record' THEN lines * alone + objects * 10240
      WHEN 'cloudwatch, format json' THEN lines * line_sent
      ELSE lines * message
    END * 30 / 1073741824 AS gb,
    CASE
      WHEN way = 's3' THEN objects * 2
      WHEN way LIKE 'firehose%' THEN written + 2.88e2
      ELSE 0
    END * 3e1 / 1000 * @lake_put AS put_usd,
    CASE way WHEN 's3' THEN 1e0 ELSE 1.9e0 END * bytes * @parquet AS parquet,
    CASE way WHEN 's3' THEN objects ELSE written END AS objects
  FROM sizes
  CROSS JOIN (
    VALUES
      ('s3'), ('firehose, packed'), ('firehose, a line a record'), ('cloudwatch, format json'),
      ('cloudwatch, format text')
  ) AS named (way)
),
bills AS (
  SELECT
    way, gb,
    CASE
      WHEN way = 's3' THEN put_usd
      WHEN way LIKE 'firehose%' THEN gb * (@firehose_ingest + @firehose_conversion) + put_usd
      ELSE gb * @cloudwatch_ingest
    END AS taken_usd,
    CASE
      WHEN way LIKE 'cloudwatch%' THEN gb / 30 * 0.15e0 * @keep_days * @cloudwatch_storage
      ELSE parquet * @keep_days / 1073741824 * @lake_storage
    END AS kept_usd,
    CASE
      WHEN way LIKE 'cloudwatch%' THEN gb / 30 * @insights_scan
      ELSE greatest(10485760, parquet) / 1099511627776 * @athena_scan + objects * 3 / 1000 * @lake_get
    END AS question_usd
  FROM ways
)
SELECT
  way,
  round(gb, 4) AS gb_billed_a_month,
  round(taken_usd, 4) AS taken_usd,
  round(kept_usd, 4) AS kept_usd,
  round(taken_usd + kept_usd, 4) AS month_usd,
  round(question_usd, 6) AS usd_a_question_over_a_day  -- that reads whole lines
FROM bills
ORDER BY taken_usd + kept_usd, way
