-- title: Error budget left
-- question: How much of a service's error budget is left in its period, and at this pace when is it gone?
-- params: to timestamp = now "end"; from timestamp = to - 30d "start of the period";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern";
--   request text = '' "regular expression of what a line says of its request; '' for the column http_status";
--   bad text = 5\d\d$ "regular expression of what was found if the request failed";
--   objective number = 99.9 "percent of requests that shall not fail"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, workload, ts,
    @service_status(http_status, message, @request) AS status
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
),
statuses AS (  -- few, and one of them '', for lines of no request
  SELECT namespace, workload, status, count(*) AS requests, max(ts) AS last_seen
  FROM found
  GROUP BY namespace, workload, status
),
services AS (
  SELECT
    namespace, workload, CAST(sum(CASE WHEN status <> '' THEN requests END) AS bigint) AS requests,
    CAST(sum(CASE WHEN regexp_like(status, @bad) THEN requests ELSE 0 END) AS bigint) AS failed,
    max(CASE WHEN regexp_like(status, @bad) THEN last_seen END) AS last_failure
  FROM statuses
  GROUP BY namespace, workload
  HAVING max(status) <> ''  -- not WHERE status …: pushed down, it would search everything twice
),
budgets AS (
  SELECT *, requests * (1e2 - CAST(@objective AS double)) / 1e2 AS allowed
  FROM services
)
SELECT
  namespace,
  workload,
  requests,
  failed,
  round(1e2 - 1e2 * failed / requests, 3) AS availability_percent,
  round(allowed, 1) AS allowed,  -- of so many requests so many may fail
  round(1e2 - 1e2 * failed / nullif(allowed, 0), 1) AS left_percent,  -- below 0: spent, and so much more
  last_failure
FROM budgets
ORDER BY 1e0 * failed / requests DESC, namespace, workload
