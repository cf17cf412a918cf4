-- title: Requested and used
-- question: How much CPU and memory do workloads request, how much do they use, and what is held back for nothing?
-- params: namespace text = % "LIKE pattern"; limit integer = 50 "rows"; from timestamp = now - 24h "start";
--   to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH facts AS (  -- what a container was told to have, by the exporter or by its pod, and what it used
  SELECT
    namespace, pod, container, CAST(NULL AS varchar) AS workload,
    CASE WHEN json_extract_scalar(labels, '$.resource') = 'cpu' THEN value END AS cores_wanted,
    CASE WHEN json_extract_scalar(labels, '$.resource') = 'memory' THEN value END AS bytes_wanted,
    CAST(NULL AS double) AS cores_grown, CAST(NULL AS double) AS seconds, CAST(NULL AS double) AS bytes_used
  FROM metrics
  WHERE @window
    AND name = 'kube_pod_container_resource_requests'
    AND namespace LIKE @namespace
  UNION ALL
  SELECT
    namespace, pod, container, workload,
    coalesce(
      try_cast(json_extract_scalar(requests, '$.cpu') AS double),
      try_cast(regexp_extract(json_extract_scalar(requests, '$.cpu'), '^[0-9.]+') AS double) / 1e3
    ),
    coalesce(
      try_cast(json_extract_scalar(requests, '$.memory') AS double),
      try_cast(regexp_extract(json_extract_scalar(requests, '$.memory'), '^[0-9.]+') AS double) *
        CASE regexp_extract(json_extract_scalar(requests, '$.memory'), '[A-Za-z]*$')
          WHEN 'Ki' THEN 1024e0 WHEN 'Mi' THEN 1048576e0 WHEN 'Gi' THEN 1073741824e0 WHEN 'Ti' THEN 1099511627776e0
          WHEN 'k' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'G' THEN 1e9 WHEN 'T' THEN 1e12 WHEN 'm' THEN 1e-3
        END
    ),
    NULL, NULL, NULL
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND container IS NOT NULL
  UNION ALL
  SELECT
    namespace, pod, container, NULL, NULL, NULL,
    CASE WHEN value < before THEN value ELSE value - before END, CASE WHEN before IS NOT NULL THEN seconds END,
    bytes_used
  FROM (
    SELECT
      namespace, pod, container, CASE WHEN name = 'container_cpu_usage_seconds_total' THEN value END AS value,
      CASE WHEN name = 'container_cpu_usage_seconds_total' THEN
        lag(value) OVER (PARTITION BY node, namespace, pod, container, name, labels ORDER BY ts)
      END AS before,
      to_unixtime(ts) - lag(to_unixtime(ts)) OVER (
        PARTITION BY node, namespace, pod, container, name, labels ORDER BY ts
      ) AS seconds,
      CASE WHEN name = 'container_memory_working_set_bytes' THEN value END AS bytes_used
    FROM metrics
    WHERE @window
      AND name IN ('container_cpu_usage_seconds_total', 'container_memory_working_set_bytes')
      AND namespace LIKE @namespace
      AND container IS NOT NULL
  ) AS samples
),
containers AS (
  SELECT
    namespace, coalesce(max(workload), pod) AS workload, pod, container, max(cores_wanted) AS cores_wanted,
    max(bytes_wanted) AS bytes_wanted, sum(cores_grown) / sum(seconds) AS cores, max(bytes_used) AS bytes_peak
  FROM facts
  GROUP BY namespace, pod, container
)
SELECT  -- containers of which no use was seen are left out: nothing is known of what they hold back
  namespace, workload, count(DISTINCT pod) AS pods,
  round(sum(cores_wanted), 3) AS cores_requested, round(sum(cores), 3) AS cores_used,
  round(sum(cores_wanted) - sum(cores), 3) AS cores_idle,
  round(sum(bytes_wanted) / 1048576, 1) AS mib_requested, round(sum(bytes_peak) / 1048576, 1) AS mib_peak,
  round((sum(bytes_wanted) - sum(bytes_peak)) / 1048576, 1) AS mib_idle
FROM containers
WHERE cores IS NOT NULL
  OR bytes_peak IS NOT NULL
GROUP BY namespace, workload
ORDER BY coalesce(cores_idle, -1e9) DESC, coalesce(mib_idle, -1e9) DESC, namespace, workload
LIMIT @limit
