-- title: Noisy neighbours
-- question: On which nodes do processes wait for CPU, whose containers take it, and whose wait or are throttled?
-- params: node text = % "LIKE pattern";
--   least number = 1 "containers that took or waited for so many percent of a core";
--   from timestamp = now - 1h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH samples AS (
  SELECT
    node, namespace, pod, container, name, value,
    lag(value) OVER (PARTITION BY node, namespace, pod, container, name, labels ORDER BY ts) AS before,
    to_unixtime(ts) - lag(to_unixtime(ts)) OVER (
      PARTITION BY node, namespace, pod, container, name, labels ORDER BY ts
    ) AS seconds
  FROM metrics
  WHERE @window
    AND name IN (
      'node_pressure_cpu_waiting_seconds_total', 'container_pressure_cpu_waiting_seconds_total',
      'container_cpu_usage_seconds_total', 'container_cpu_cfs_periods_total',
      'container_cpu_cfs_throttled_periods_total'
    )
    AND node LIKE @node
    AND (container IS NOT NULL OR name = 'node_pressure_cpu_waiting_seconds_total')
),
steps AS (  -- how much a counter grew from look to look; it begins at 0 with its container
  SELECT
    node, namespace, pod, container, name, seconds, CASE WHEN value < before THEN value ELSE value - before END AS grown
  FROM samples
  WHERE before IS NOT NULL
),
nodes AS (
  SELECT node, sum(grown) / sum(seconds) AS waiting
  FROM steps
  WHERE name = 'node_pressure_cpu_waiting_seconds_total'
  GROUP BY node
),
containers AS (
  SELECT
    node, namespace, pod, container,
    sum(CASE WHEN name = 'container_cpu_usage_seconds_total' THEN grown END) /
      sum(CASE WHEN name = 'container_cpu_usage_seconds_total' THEN seconds END) AS cores,
    sum(CASE WHEN name = 'container_pressure_cpu_waiting_seconds_total' THEN grown END) /
      sum(CASE WHEN name = 'container_pressure_cpu_waiting_seconds_total' THEN seconds END) AS waiting,
    sum(CASE WHEN name = 'container_cpu_cfs_throttled_periods_total' THEN grown END) /
      nullif(sum(CASE WHEN name = 'container_cpu_cfs_periods_total' THEN grown END), 0) AS throttled
  FROM steps
  WHERE container IS NOT NULL
  GROUP BY node, namespace, pod, container
),
shares AS (
  SELECT *, cores / nullif(sum(cores) OVER (PARTITION BY node), 0) AS share
  FROM containers
)
SELECT
  shares.node, round(1e2 * nodes.waiting, 1) AS node_waiting_percent, namespace, pod, container,
  round(cores, 3) AS cores, round(1e2 * share, 1) AS share_percent, round(1e2 * shares.waiting, 1) AS waiting_percent,
  round(1e2 * throttled, 1) AS throttled_percent,
  CASE
    WHEN throttled >= 0.25 THEN 'throttled by its own CPU limit'
    WHEN shares.waiting >= 0.1 AND coalesce(share, 0) < 0.5 THEN 'waits for its neighbours'
    WHEN share >= 0.5 AND nodes.waiting >= 0.1 THEN 'takes what others wait for'
  END AS verdict
FROM shares
LEFT JOIN nodes ON nodes.node = shares.node
WHERE 1e2 * cores >= @least
  OR 1e2 * shares.waiting >= @least
ORDER BY node_waiting_percent DESC, shares.node, cores DESC, namespace, pod, container
