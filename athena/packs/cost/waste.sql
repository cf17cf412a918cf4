-- title: Waste
-- question: What would a filter for debug lines, and a sample of lines said again and again, save, by workload?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   seconds integer = 60 "of each minute so many seconds are looked at, and sums are scaled up: 6 is much faster";
--   limit integer = 50 "rows";
--   keep_days integer = 30 "days that lines are kept";
--   parquet number = 0.174 "bytes in the lake for each byte written";
--   row_extra integer = 700 "bytes of a line's columns as JSON";
--   lake_storage number = 0.023 "USD a GB and month in S3"; firehose_ingest number = 0.029 "USD a GB";
--   firehose_conversion number = 0.018 "USD a GB"; cloudwatch_ingest number = 0.5 "USD a GB";
--   cloudwatch_storage number = 0.03 "USD a GB and month"
-- engines: athena, trino, duckdb
WITH said AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload,
    coalesce(level IN ('debug', 'trace'), false) AS debug,
    substr(message, 1, 200) AS message, count(*) AS lines, 1e0 * sum(file_bytes) AS bytes
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND second(coalesce(ts, ingest_ts)) < @seconds
  GROUP BY
    namespace, coalesce(workload, pod, container), coalesce(level IN ('debug', 'trace'), false), substr(message, 1, 200)
),
workloads AS (  -- of a message that came ten times nine are too many
  SELECT
    namespace, workload,
    6e1 / @seconds * sum(bytes) AS bytes,
    6e1 / @seconds * sum(CASE WHEN debug THEN lines ELSE 0 END) AS debug_lines,
    6e1 / @seconds * sum(CASE WHEN debug THEN bytes ELSE 0 END) AS debug_bytes,
    6e1 / @seconds * sum(CASE WHEN debug THEN 0 ELSE lines - 1 END) AS repeated_lines,
    6e1 / @seconds * sum(CASE WHEN debug THEN 0 ELSE bytes / lines * (lines - 1) END) AS repeated_bytes,
    max(CASE WHEN NOT debug THEN lines END) AS most,
    max_by(message, CASE WHEN NOT debug AND lines > 1 THEN lines * 1e6 + bytes / lines END) AS repeated
  FROM said
  GROUP BY namespace, workload
),
months AS (
  SELECT
    *,
    2.592e6 / 1073741824 / (to_unixtime(@to) - to_unixtime(@from)) * (debug_bytes + repeated_bytes) AS gb,
    2.592e6 / 1073741824 / (to_unixtime(@to) - to_unixtime(@from))
      * (debug_bytes + repeated_bytes + @row_extra * (debug_lines + repeated_lines)) AS sent
  FROM workloads
)
SELECT
  namespace, workload,
  CAST(round(debug_lines) AS bigint) AS debug_lines,
  round(1e2 * debug_bytes / bytes, 1) AS debug_percent,
  CAST(round(repeated_lines) AS bigint) AS repeated_lines,
  round(1e2 * repeated_bytes / bytes, 1) AS repeated_percent,
  CASE WHEN most > 1 THEN repeated END AS said_most_often,
  round(gb, 4) AS saved_gb_a_month,
  round(gb * @parquet * @keep_days / 3e1 * @lake_storage, 4) AS saved_s3_usd,
  round(
    sent * (@firehose_ingest + @firehose_conversion) + gb * @parquet * 1.9e0 * @keep_days / 3e1 * @lake_storage, 4
  ) AS saved_firehose_usd,
  round(sent * (@cloudwatch_ingest + 0.15e0 * @keep_days / 3e1 * @cloudwatch_storage), 4) AS saved_cloudwatch_usd
FROM months
WHERE debug_lines + repeated_lines > 0
ORDER BY gb DESC, namespace, workload
LIMIT @limit
