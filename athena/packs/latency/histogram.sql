-- title: Latency histogram
-- question: How are the durations of requests spread: how many are in each class, and what share is at most as slow?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod";
--   path text = '' "part of the line: of the path, such as /orders"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload, message,
    @request_time(message) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
    AND strpos(message, @path) > 0
),
requests AS (
  SELECT
    namespace, workload,
    @milliseconds(timed, message) AS ms
  FROM found
),
classed AS (
  SELECT
    namespace, workload,
    CASE
      WHEN ms <= 5 THEN 5 WHEN ms <= 10 THEN 10 WHEN ms <= 25 THEN 25 WHEN ms <= 50 THEN 50 WHEN ms <= 100 THEN 100
      WHEN ms <= 250 THEN 250 WHEN ms <= 500 THEN 500 WHEN ms <= 1000 THEN 1000 WHEN ms <= 2500 THEN 2500
      WHEN ms <= 5000 THEN 5000 WHEN ms <= 10000 THEN 10000
    END AS upto_ms,
    count(ms) AS requests
  FROM requests
  GROUP BY 1, 2, 3
  HAVING count(ms) > 0  -- not WHERE ms …: pushed down, it would cut out everything twice
)
SELECT
  namespace,
  workload,
  upto_ms,  -- null: more than 10 s
  requests,
  round(1e2 * requests / sum(requests) OVER (PARTITION BY namespace, workload), 1) AS percent,
  round(
    1e2 * sum(requests) OVER (PARTITION BY namespace, workload ORDER BY coalesce(upto_ms, 99999))
      / sum(requests) OVER (PARTITION BY namespace, workload), 1
  ) AS percent_upto
FROM classed
ORDER BY namespace, workload, coalesce(upto_ms, 99999)
