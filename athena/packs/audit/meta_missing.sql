-- title: Lines without their pod's metadata
-- question: How many lines went without labels, workload and image, because their pod was not known in time?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
SELECT
  node, namespace, pod, container,
  count(*) AS lines,
  CAST(sum(file_bytes) AS bigint) AS bytes,
  min(ts) AS first_ts, max(ts) AS last_ts
FROM logs
WHERE @window
  AND meta_missing
GROUP BY node, namespace, pod, container
ORDER BY lines DESC, node, namespace, pod, container
