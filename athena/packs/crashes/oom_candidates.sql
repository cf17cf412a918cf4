-- title: Out of memory, and nearly so
-- question: Which containers were killed for their memory, and which came near their limit?
-- params: namespace text = % "LIKE pattern"; percent number = 85 "near: from so many percent of the limit on";
--   from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH facts AS (  -- what each table knows of a container
  SELECT
    namespace, pod, container, CAST(NULL AS varchar) AS workload, CAST(NULL AS timestamp) AS killed_ts,
    CASE WHEN name = 'container_memory_working_set_bytes' THEN value END AS working_set,
    CASE WHEN name = 'container_spec_memory_limit_bytes' AND value > 0 THEN value END AS limit_bytes
  FROM metrics
  WHERE @window
    AND name IN ('container_memory_working_set_bytes', 'container_spec_memory_limit_bytes')
    AND namespace LIKE @namespace
    AND container IS NOT NULL
  UNION ALL
  SELECT
    namespace, pod, container, workload, CASE WHEN end_reason = 'OOMKilled' THEN end_ts END, NULL,
    coalesce(
      try_cast(json_extract_scalar(limits, '$.memory') AS double),
      try_cast(regexp_extract(json_extract_scalar(limits, '$.memory'), '^[0-9.]+') AS double) *
        CASE regexp_extract(json_extract_scalar(limits, '$.memory'), '[A-Za-z]*$')
          WHEN 'Ki' THEN 1024e0 WHEN 'Mi' THEN 1048576e0 WHEN 'Gi' THEN 1073741824e0 WHEN 'Ti' THEN 1099511627776e0
          WHEN 'k' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'G' THEN 1e9 WHEN 'T' THEN 1e12 WHEN 'm' THEN 1e-3
        END
    )
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND container IS NOT NULL
),
containers AS (
  SELECT
    namespace, max(workload) AS workload, pod, container, count(DISTINCT killed_ts) AS oom_kills,
    max(killed_ts) AS last_kill, max(working_set) AS peak, max(limit_bytes) AS limit_bytes
  FROM facts
  GROUP BY namespace, pod, container
)
SELECT  -- the peak is the highest that a look found: what killed it may have come between two looks
  namespace, coalesce(workload, pod) AS workload, pod, container, oom_kills, last_kill,
  round(peak / 1048576, 1) AS peak_mib, round(limit_bytes / 1048576, 1) AS limit_mib,
  round(1e2 * peak / limit_bytes, 1) AS percent
FROM containers
WHERE oom_kills > 0
  OR 1e2 * peak / limit_bytes >= @percent
ORDER BY oom_kills DESC, percent DESC, namespace, pod, container
