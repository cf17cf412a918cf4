-- title: Growth
-- question: Which workloads write more, or less, than in the same hours of the day before?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end";
--   since timestamp = from - 24h "start of what is compared"; until timestamp = to - 24h "its end";
--   namespace text = % "LIKE pattern"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH written AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload, 0 AS before, count(*) AS lines, sum(file_bytes) AS bytes
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY namespace, coalesce(workload, pod, container)
  UNION ALL
  SELECT namespace, coalesce(workload, pod, container), 1, count(*), sum(file_bytes)
  FROM logs
  WHERE dt BETWEEN date_format(@since, '%Y-%m-%d') AND date_format(@until, '%Y-%m-%d')
    AND (dt > date_format(@since, '%Y-%m-%d') OR hour >= date_format(@since, '%H'))
    AND (dt < date_format(@until, '%Y-%m-%d') OR hour <= date_format(@until, '%H'))
    AND ts >= @since
    AND ts < @until
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY namespace, coalesce(workload, pod, container)
),
compared AS (
  SELECT
    namespace, workload,
    sum(CASE WHEN before = 0 THEN lines ELSE 0 END) AS lines,
    sum(CASE WHEN before = 1 THEN lines ELSE 0 END) AS lines_before,
    sum(CASE WHEN before = 0 THEN bytes ELSE 0 END) AS bytes,
    sum(CASE WHEN before = 1 THEN bytes ELSE 0 END) AS bytes_before
  FROM written
  GROUP BY namespace, workload
)
SELECT
  namespace, workload,
  CAST(lines AS bigint) AS lines,
  CAST(lines_before AS bigint) AS lines_before,
  CAST(bytes AS bigint) AS bytes,
  CAST(bytes_before AS bigint) AS bytes_before,
  CAST(bytes - bytes_before AS bigint) AS more_bytes,
  round(1e2 * (bytes - bytes_before) / nullif(bytes_before, 0), 1) AS more_percent  -- null: it wrote nothing then
FROM compared
ORDER BY more_bytes DESC, namespace, workload
LIMIT @limit
