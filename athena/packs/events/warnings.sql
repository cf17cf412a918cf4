-- title: Warnings of Kubernetes
-- question: What did Kubernetes warn of, about which objects, how often and when last?
-- params: namespace text = % "LIKE pattern"; from timestamp = now - 1h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH counted AS (  -- an event is counted on: its last state has them all
  SELECT
    uid, namespace, kind, name, reason, max(coalesce(count, 1)) AS count, min(first_ts) AS first_ts, max(ts) AS last_ts,
    max(message) AS message
  FROM events
  WHERE @window
    AND type = 'Warning'
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY uid, namespace, kind, name, reason
)
SELECT
  namespace, kind, name, reason, CAST(sum(count) AS bigint) AS times, min(first_ts) AS first_ts,
  max(last_ts) AS last_ts, max(message) AS message
FROM counted
GROUP BY namespace, kind, name, reason
ORDER BY times DESC, namespace, kind, name, reason
