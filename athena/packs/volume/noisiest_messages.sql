-- title: Noisiest messages
-- question: Which messages, the same but for numbers and ids, take most bytes, whose are they, and what share is it?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   seconds integer = 60 "of each minute so many seconds are looked at, and sums are scaled up: 6 is much faster";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH folded AS (  -- what tells messages apart stands at their beginning
  SELECT
    namespace, coalesce(workload, pod, container) AS workload, message, file_bytes,
    regexp_replace(  -- a time or an address is one number: each that is cut out costs as much as reading a line
      substr(message, 1, 100), '[0-9a-f]*[0-9][0-9a-f]*(?:[-:.T][0-9a-f]*[0-9][0-9a-f]*)*', '#'
    ) AS fingerprint
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND second(coalesce(ts, ingest_ts)) < @seconds
)
SELECT
  namespace, workload,
  CAST(round(6e1 / @seconds * count(*)) AS bigint) AS lines,
  CAST(round(6e1 / @seconds * sum(file_bytes)) AS bigint) AS bytes,
  round(1e2 * sum(file_bytes) / sum(sum(file_bytes)) OVER (), 1) AS percent,
  fingerprint,
  substr(min(message), 1, 200) AS example
FROM folded
GROUP BY namespace, workload, fingerprint
ORDER BY bytes DESC, namespace, workload, fingerprint
LIMIT @limit
