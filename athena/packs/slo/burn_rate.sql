-- title: Burn rates
-- question: Does a service burn its error budget so fast that somebody must act: now, or within days?
-- params: to timestamp = now "end of all windows";
--   from timestamp = to - 3d "start: no window reaches further back";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern";
--   request text = "(status|status_code|statusCode|response_code)"\s*:\s*"?[1-5]\d\d\b|" [1-5]\d\d\b
--   "regular expression of the lines that tell of a request";
--   bad text = "(status|status_code|statusCode|response_code)"\s*:\s*"?5\d\d\b|" 5\d\d\b
--   "regular expression of those that failed";
--   objective number = 99.9 "percent of requests that shall not fail"
-- engines: athena, trino, duckdb
WITH minutes AS (
  SELECT
    namespace, workload,
    date_trunc('minute', coalesce(ts, ingest_ts)) AS minute_start,
    count(*) AS requests,
    count_if(regexp_like(message, @bad)) AS failed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
    AND regexp_like(message, @request)
  GROUP BY 1, 2, 3
),
spans AS (
  SELECT *
  FROM (VALUES
    ('5m', INTERVAL '5' MINUTE), ('30m', INTERVAL '30' MINUTE), ('1h', INTERVAL '1' HOUR), ('2h', INTERVAL '2' HOUR),
    ('6h', INTERVAL '6' HOUR), ('1d', INTERVAL '1' DAY), ('3d', INTERVAL '3' DAY)
  ) AS t (name, span)
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
rates AS (
  SELECT
    namespace, workload, name, CAST(sum(requests) AS bigint) AS requests, CAST(sum(failed) AS bigint) AS failed,
    1e2 * sum(failed) / sum(requests) / nullif(1e2 - CAST(@objective AS double), 0) AS burn
  FROM minutes
  JOIN spans ON minute_start >= @to - span
  GROUP BY namespace, workload, name
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
ORDER BY whole.namespace, whole.workload, place
