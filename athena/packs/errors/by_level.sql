-- title: Levels by workload
-- question: What share of each workload's lines has which level, and who logs debug or nothing that has a level?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 100 "rows"
-- engines: athena, trino, duckdb
WITH counts AS (  -- by level first: a sum of a few costs less than six counts of every line
  SELECT namespace, coalesce(workload, pod, container) AS workload, level, count(*) AS lines
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY namespace, coalesce(workload, pod, container), level
)
SELECT
  namespace,
  workload,
  CAST(sum(counts.lines) AS bigint) AS lines,
  round(1e2 * sum(CASE WHEN level IN ('trace', 'debug') THEN counts.lines ELSE 0 END) / sum(counts.lines), 1)
    AS debug_percent,
  round(1e2 * sum(CASE WHEN level = 'info' THEN counts.lines ELSE 0 END) / sum(counts.lines), 1) AS info_percent,
  round(1e2 * sum(CASE WHEN level = 'warn' THEN counts.lines ELSE 0 END) / sum(counts.lines), 1) AS warn_percent,
  round(1e2 * sum(CASE WHEN level = 'error' THEN counts.lines ELSE 0 END) / sum(counts.lines), 1) AS error_percent,
  round(1e2 * sum(CASE WHEN level = 'fatal' THEN counts.lines ELSE 0 END) / sum(counts.lines), 1) AS fatal_percent,
  round(1e2 * sum(CASE WHEN level IS NULL THEN counts.lines ELSE 0 END) / sum(counts.lines), 1) AS none_percent
FROM counts
GROUP BY namespace, workload
ORDER BY sum(counts.lines) DESC, namespace, workload
LIMIT @limit
