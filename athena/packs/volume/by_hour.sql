-- title: Volume by hour
-- question: How much was written in each hour, how fast is that, and how much of it was errors?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern"
-- engines: athena, trino, duckdb
SELECT
  dt, hour,
  count(*) AS lines,
  CAST(sum(file_bytes) AS bigint) AS bytes,
  round(sum(file_bytes) / 3.6e3, 1) AS bytes_per_second,
  count_if(level IN ('error', 'fatal')) AS errors,
  count_if(level IN ('debug', 'trace')) AS debug_lines
FROM logs
WHERE @window
  AND coalesce(namespace, '') LIKE @namespace
GROUP BY dt, hour
ORDER BY dt, hour
