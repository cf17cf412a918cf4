-- title: Last lines of each attempt
-- question: Which containers were started again, and what did each attempt before say last, by its lines alone?
-- params: namespace text = % "LIKE pattern"; pod text = % "the pod's name or a LIKE pattern";
--   n integer = 5 "last lines of each"; from timestamp = now - 24h "lines since then"; to timestamp = now "until then"
-- engines: athena, trino, duckdb
WITH again AS (
  SELECT pod_uid, container, max(restart) AS newest
  FROM logs
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
  GROUP BY pod_uid, container
  HAVING max(restart) > 0
),
lines AS (
  SELECT
    namespace, workload, pod, pod_uid, container, restart, coalesce(ts, ingest_ts) AS said_ts, level, message,
    file_offset,
    row_number() OVER (
      PARTITION BY pod_uid, container, restart ORDER BY coalesce(ts, ingest_ts) DESC, file_offset DESC
    ) AS place,
    max(coalesce(ts, ingest_ts)) OVER (PARTITION BY pod_uid, container, restart) AS last_ts
  FROM logs
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND pod_uid IN (SELECT pod_uid FROM again)
)
SELECT
  namespace, coalesce(workload, pod) AS workload, pod, lines.container, restart AS attempt, last_ts, said_ts AS ts,
  level, substr(message, 1, 1000) AS message
FROM lines
JOIN again ON again.pod_uid = lines.pod_uid AND again.container = lines.container
WHERE restart < newest
  AND place <= @n
ORDER BY last_ts DESC, namespace, pod, lines.container, attempt, place DESC
