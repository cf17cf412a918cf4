-- title: Restart storms
-- question: When did which workload's containers end again and again, how often, and with what?
-- params: namespace text = % "LIKE pattern"; minutes integer = 10 "length of a stretch of time, a divisor of 60";
--   least integer = 3 "ends in one stretch from which on it is a storm"; from timestamp = now - 24h "start";
--   to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH ended AS (  -- one row an end, however often its pod's status told it
  SELECT
    namespace, pod, pod_uid, container, end_ts, max(workload) AS workload, max(end_reason) AS end_reason,
    max(exit_code) AS exit_code, max(image) AS image
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND end_ts IS NOT NULL
    AND (exit_code <> 0 OR end_reason <> 'Completed')
  GROUP BY namespace, pod, pod_uid, container, end_ts
)
SELECT
  date_add('minute', -(minute(end_ts) % @minutes), date_trunc('minute', end_ts)) AS stretch,
  namespace, coalesce(workload, pod) AS workload, container, count(*) AS ends, count(DISTINCT pod) AS pods,
  array_join(
    array_agg(DISTINCT coalesce(end_reason, '?') || ' ' || coalesce(CAST(exit_code AS varchar), '?')), ', '
  ) AS ended_with,
  min(end_ts) AS first_ts, max(end_ts) AS last_ts, max(image) AS image
FROM ended
GROUP BY
  date_add('minute', -(minute(end_ts) % @minutes), date_trunc('minute', end_ts)),
  namespace, coalesce(workload, pod), container
HAVING count(*) >= @least
ORDER BY ends DESC, stretch, namespace, workload, container
