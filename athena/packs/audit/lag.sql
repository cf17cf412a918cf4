-- title: Lag
-- question: How long after they were written did each node's agent read its lines, and which pod waited longest?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern"
-- engines: athena, trino, duckdb
WITH lags AS (
  SELECT node, coalesce(pod, container) AS writer, to_unixtime(ingest_ts) - to_unixtime(ts) AS seconds
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
)
SELECT
  node,
  count(*) AS lines,
  count_if(seconds >= -1 AND seconds < 10) AS within_ten_seconds,
  count_if(seconds >= 10 AND seconds < 60) AS within_a_minute,
  count_if(seconds >= 60 AND seconds < 600) AS within_ten_minutes,
  count_if(seconds >= 600) AS later,
  count_if(seconds IS NULL) AS without_time,
  count_if(seconds < -1) AS before_written,  -- clocks differ
  round(max(seconds), 1) AS longest_seconds,
  max_by(writer, seconds) AS longest_of
FROM lags
GROUP BY node
ORDER BY later DESC, longest_seconds DESC, node
