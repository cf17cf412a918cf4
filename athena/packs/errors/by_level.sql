-- title: Levels by workload
-- question: What share of each workload's lines has which level, and who logs debug or nothing that has a level?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 100 "rows"
-- engines: athena, trino, duckdb
SELECT
  namespace,
  coalesce(workload, pod, container) AS workload,
  count(*) AS lines,
  round(1e2 * count_if(coalesce(level, '') IN ('trace', 'debug')) / count(*), 1) AS debug_percent,
  round(1e2 * count_if(coalesce(level, '') = 'info') / count(*), 1) AS info_percent,
  round(1e2 * count_if(coalesce(level, '') = 'warn') / count(*), 1) AS warn_percent,
  round(1e2 * count_if(coalesce(level, '') = 'error') / count(*), 1) AS error_percent,
  round(1e2 * count_if(coalesce(level, '') = 'fatal') / count(*), 1) AS fatal_percent,
  round(1e2 * count_if(level IS NULL) / count(*), 1) AS none_percent
FROM logs
WHERE @window
  AND coalesce(namespace, '') LIKE @namespace
GROUP BY namespace, coalesce(workload, pod, container)
ORDER BY lines DESC, namespace, workload
LIMIT @limit
