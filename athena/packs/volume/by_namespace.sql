-- title: Volume by namespace
-- question: Which namespaces wrote how many lines and bytes, and what share of all bytes is that?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
SELECT
  namespace,
  count(*) AS lines,
  CAST(sum(file_bytes) AS bigint) AS bytes,
  round(1e2 * sum(file_bytes) / sum(sum(file_bytes)) OVER (), 1) AS percent
FROM logs
WHERE @window
GROUP BY namespace
ORDER BY bytes DESC, namespace
