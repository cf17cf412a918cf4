-- title: Pods that found no node
-- question: Which pods could not be scheduled, for how long, and what was missing?
-- params: namespace text = % "LIKE pattern"; from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH told AS (
  SELECT
    namespace, name,
    CASE WHEN reason = 'FailedScheduling' THEN uid END AS failure, coalesce(count, 1) AS count,
    CASE WHEN reason = 'FailedScheduling' THEN coalesce(first_ts, ts) END AS first_ts,
    CASE WHEN reason = 'FailedScheduling' THEN ts END AS last_ts,
    CASE WHEN reason = 'FailedScheduling' THEN message END AS message,
    CASE WHEN reason = 'Scheduled' THEN ts END AS scheduled_ts
  FROM events
  WHERE @window
    AND kind = 'Pod'
    AND reason IN ('FailedScheduling', 'Scheduled')
    AND namespace LIKE @namespace
),
counted AS (  -- an event is counted on: its last state has them all
  SELECT
    namespace, name, failure, max(count) AS tries, min(first_ts) AS first_ts, max(last_ts) AS last_ts,
    max_by(message, last_ts) AS message, max(scheduled_ts) AS scheduled_ts
  FROM told
  GROUP BY namespace, name, failure
),
waits AS (
  SELECT
    namespace, name AS pod, CAST(sum(CASE WHEN failure IS NOT NULL THEN tries END) AS bigint) AS tries,
    min(first_ts) AS first_ts, max(last_ts) AS last_ts, max(scheduled_ts) AS scheduled_ts,
    max_by(message, last_ts) AS message
  FROM counted
  GROUP BY namespace, name
  HAVING count(failure) > 0
)
SELECT
  namespace, pod, tries, first_ts, last_ts, scheduled_ts,
  CAST(round(to_unixtime(coalesce(scheduled_ts, last_ts)) - to_unixtime(first_ts)) AS bigint) AS waited_seconds,
  regexp_replace(message, ' preemption:.*$', '') AS missing
FROM waits
ORDER BY CASE WHEN scheduled_ts IS NULL THEN 0 ELSE 1 END, waited_seconds DESC, namespace, pod
