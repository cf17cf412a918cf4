-- title: Pressure of nodes over time
-- question: When did a node's processes wait for CPU, memory or disks, and which conditions did Kubernetes see then?
-- params: node text = % "LIKE pattern"; minutes integer = 10 "length of a stretch of time, a divisor of 60";
--   percent number = 5 "only stretches in which something waited for so much of the time, or a condition was bad";
--   from timestamp = now - 6h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH samples AS (
  SELECT
    node, ts, name, value, labels,
    lag(value) OVER (PARTITION BY node, name, labels ORDER BY ts) AS before,
    to_unixtime(ts) - lag(to_unixtime(ts)) OVER (PARTITION BY node, name, labels ORDER BY ts) AS seconds
  FROM metrics
  WHERE @window
    AND name IN (
      'node_pressure_cpu_waiting_seconds_total', 'node_pressure_memory_waiting_seconds_total',
      'node_pressure_io_waiting_seconds_total', 'kube_node_status_condition'
    )
    AND node LIKE @node
),
steps AS (
  SELECT
    node, date_add('minute', -(minute(ts) % @minutes), date_trunc('minute', ts)) AS stretch, name, seconds,
    CASE
      WHEN name = 'kube_node_status_condition' THEN NULL
      WHEN value < before THEN value
      ELSE value - before
    END AS grown,
    CASE
      WHEN name <> 'kube_node_status_condition' OR value < 1 THEN NULL
      WHEN json_extract_scalar(labels, '$.condition') = 'Ready' THEN
        CASE WHEN json_extract_scalar(labels, '$.status') <> 'true' THEN 'NotReady' END
      WHEN json_extract_scalar(labels, '$.status') = 'true' THEN json_extract_scalar(labels, '$.condition')
    END AS bad
  FROM samples
),
stretches AS (
  SELECT
    node, stretch,
    1e2 * sum(CASE WHEN name = 'node_pressure_cpu_waiting_seconds_total' THEN grown END) /
      sum(CASE WHEN name = 'node_pressure_cpu_waiting_seconds_total' THEN seconds END) AS cpu,
    1e2 * sum(CASE WHEN name = 'node_pressure_memory_waiting_seconds_total' THEN grown END) /
      sum(CASE WHEN name = 'node_pressure_memory_waiting_seconds_total' THEN seconds END) AS memory,
    1e2 * sum(CASE WHEN name = 'node_pressure_io_waiting_seconds_total' THEN grown END) /
      sum(CASE WHEN name = 'node_pressure_io_waiting_seconds_total' THEN seconds END) AS io,
    array_join(array_agg(DISTINCT bad ORDER BY bad) FILTER (WHERE bad IS NOT NULL), ', ') AS conditions
  FROM steps
  GROUP BY node, stretch
)
SELECT
  stretch, node, round(cpu, 1) AS cpu_waiting_percent, round(memory, 1) AS memory_waiting_percent,
  round(io, 1) AS io_waiting_percent, conditions
FROM stretches
WHERE cpu >= @percent
  OR memory >= @percent
  OR io >= @percent
  OR conditions <> ''
ORDER BY stretch, node
