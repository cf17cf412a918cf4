-- title: Burn rates
-- question: Does a service burn its error budget so fast that somebody must act: now, or within days?
-- params: to timestamp = now "end of all windows";
--   from timestamp = to - 3d "start: no window reaches further back";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern";
--   request text = '' "regular expression of what a line says of its request; '' for the column http_status";
--   bad text = 5\d\d$ "regular expression of what was found if the request failed";
--   objective number = 99.9 "percent of requests that shall not fail"
-- engines: athena, trino, duckdb
WITH spans AS (
  SELECT *
  FROM (VALUES (1, '5m'), (2, '30m'), (3, '1h'), (4, '2h'), (5, '6h'), (6, '1d'), (7, '3d')) AS t (place, name)
),
found AS (
  SELECT
    namespace, workload, @service_status(http_status, message, @request) AS status,
    CASE  -- the shortest span that it lies in
      WHEN ts IS NULL OR ts < @to - INTERVAL '1' DAY THEN 7
      WHEN ts < @to - INTERVAL '6' HOUR THEN 6
      WHEN ts < @to - INTERVAL '2' HOUR THEN 5
      WHEN ts < @to - INTERVAL '1' HOUR THEN 4
      WHEN ts < @to - INTERVAL '30' MINUTE THEN 3
      WHEN ts < @to - INTERVAL '5' MINUTE THEN 2
      ELSE 1
    END AS place
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
),
statuses AS (  -- few, and one of them '', for lines of no request
  SELECT namespace, workload, place, status, count(*) AS requests
  FROM found
  GROUP BY namespace, workload, place, status
),
alerts AS (
  -- Windows and thresholds of the SRE workbook for 30 days, with the ticket after a day that kubernetes-mixin has too.
  -- One fires if both of its windows burn faster: the long one says that it matters, the short one that it goes on.
  SELECT *
  FROM (VALUES
    (1, 'page', '1h', '5m', 14.4e0), (2, 'page', '6h', '30m', 6e0),
    (3, 'ticket', '1d', '2h', 3e0), (4, 'ticket', '3d', '6h', 1e0)
  ) AS t (place, severity, long_window, short_window, threshold)
),
counts AS (
  SELECT
    namespace, workload, name, CAST(sum(CASE WHEN status <> '' THEN requests END) AS bigint) AS requests,
    CAST(sum(CASE WHEN regexp_like(status, @bad) THEN requests ELSE 0 END) AS bigint) AS failed
  FROM statuses
  JOIN spans ON statuses.place <= spans.place
  GROUP BY namespace, workload, name
  HAVING max(status) <> ''  -- not WHERE status …: pushed down, it would search everything twice
),
rates AS (
  SELECT *, 1e2 * failed / requests / nullif(1e2 - CAST(@objective AS double), 0) AS burn
  FROM counts
)
SELECT
  whole.namespace,
  whole.workload,
  severity,
  long_window,
  short_window,
  threshold,
  whole.requests,
  whole.failed,
  round(whole.burn, 2) AS long_burn,
  round(coalesce(recent.burn, 0), 2) AS short_burn,
  whole.burn > threshold AND coalesce(recent.burn, 0) > threshold AS fires
FROM alerts
JOIN rates AS whole ON whole.name = long_window
LEFT JOIN rates AS recent
  ON recent.name = short_window
    AND recent.workload = whole.workload
    AND coalesce(recent.namespace, '') = coalesce(whole.namespace, '')
ORDER BY whole.namespace, whole.workload, alerts.place
