-- title: Error spikes
-- question: Which workloads log more errors now than in the same hours of the day before?
-- params: to timestamp = now "end of the hours";
--   from timestamp = to - 25h "their start, a day earlier: -25h for one hour";
--   namespace text = % "LIKE pattern"; factor number = 2 "so many times as many at least";
--   least integer = 5 "and so many errors at least"
-- engines: athena, trino, duckdb
WITH counted AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload,
    count_if(ts >= @from + INTERVAL '1' DAY) AS errors,
    count_if(ts < @to - INTERVAL '1' DAY) AS day_before,
    max(CASE WHEN ts >= @from + INTERVAL '1' DAY THEN ts END) AS last_error,
    min_by(message, ts) FILTER (WHERE ts >= @from + INTERVAL '1' DAY) AS example
  FROM logs
  WHERE @window
    AND level IN ('error', 'fatal')
    AND coalesce(namespace, '') LIKE @namespace
    AND (ts >= @from + INTERVAL '1' DAY OR ts < @to - INTERVAL '1' DAY)
    -- The hours between are of no use: leave their partitions alone, unless the hours are nearly a day.
    AND (
      @from + INTERVAL '47' HOUR <= @to
      OR CASE WHEN date_format(@from, '%H') <= date_format(@to - INTERVAL '1' SECOND, '%H')
        THEN hour >= date_format(@from, '%H') AND hour <= date_format(@to - INTERVAL '1' SECOND, '%H')
        ELSE hour >= date_format(@from, '%H') OR hour <= date_format(@to - INTERVAL '1' SECOND, '%H') END
    )
  GROUP BY namespace, coalesce(workload, pod, container)
)
SELECT
  namespace, workload, errors, day_before,
  round(1e0 * errors / nullif(day_before, 0), 1) AS factor,  -- null: there were none
  last_error, substr(example, 1, 1000) AS first_example
FROM counted
WHERE errors >= @least
  AND errors >= @factor * day_before
ORDER BY errors - day_before DESC, namespace, workload
