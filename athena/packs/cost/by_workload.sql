-- title: Cost by workload
-- question: What does each workload's logging cost a month: in S3, through Firehose, in CloudWatch Logs?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 50 "rows";
--   keep_days integer = 30 "days that lines are kept";
--   parquet number = 0.174 "bytes in the lake for each byte written";
--   row_extra integer = 700 "bytes of a line's columns as JSON";
--   lake_storage number = 0.023 "USD a GB and month in S3"; firehose_ingest number = 0.029 "USD a GB";
--   firehose_conversion number = 0.018 "USD a GB"; cloudwatch_ingest number = 0.5 "USD a GB";
--   cloudwatch_storage number = 0.03 "USD a GB and month"; athena_scan number = 5 "USD a TB"
-- engines: athena, trino, duckdb
WITH months AS (  -- as in cost/by_namespace
  SELECT
    namespace,
    coalesce(workload, pod, container) AS workload,
    2.592e6 / 1073741824 / (to_unixtime(@to) - to_unixtime(@from)) * sum(file_bytes) AS gb,
    2.592e6 / 1073741824 / (to_unixtime(@to) - to_unixtime(@from)) * (sum(file_bytes) + @row_extra * count(*)) AS sent
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY namespace, coalesce(workload, pod, container)
)
SELECT
  namespace,
  workload,
  round(gb, 4) AS gb_a_month,
  round(1e2 * gb / nullif(sum(gb) OVER (), 0), 1) AS percent,
  round(gb * @parquet * @keep_days / 3e1 * @lake_storage, 4) AS s3_usd,
  round(
    sent * (@firehose_ingest + @firehose_conversion) + gb * @parquet * 1.9e0 * @keep_days / 3e1 * @lake_storage, 4
  ) AS firehose_usd,
  round(sent * (@cloudwatch_ingest + 0.15e0 * @keep_days / 3e1 * @cloudwatch_storage), 4) AS cloudwatch_usd,
  round(gb * @parquet / 3e1 / 1024 * @athena_scan, 6) AS athena_usd_a_day_read
FROM months
ORDER BY gb DESC, namespace, workload
LIMIT @limit
