-- title: What nodes use
-- question: How busy was each node: its CPUs, its memory, its load, and is there room?
-- params: node text = % "LIKE pattern"; from timestamp = now - 1h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH samples AS (
  SELECT
    node, ts, name, value,
    CASE WHEN name = 'node_cpu_seconds_total' THEN json_extract_scalar(labels, '$.cpu') END AS cpu,
    CASE WHEN name = 'node_cpu_seconds_total' THEN json_extract_scalar(labels, '$.mode') END AS mode,
    lag(value) OVER (PARTITION BY node, name, labels ORDER BY ts) AS before
  FROM metrics
  WHERE @window
    AND name IN (
      'node_cpu_seconds_total', 'node_load1', 'node_memory_MemTotal_bytes', 'node_memory_MemAvailable_bytes'
    )
    AND node LIKE @node
),
looks AS (
  SELECT
    node, ts, count(DISTINCT cpu) AS cpus,
    sum(CASE WHEN cpu IS NOT NULL AND value >= before THEN value - before END) AS spent,
    sum(CASE WHEN mode IN ('idle', 'iowait') AND value >= before THEN value - before END) AS idle,
    max(CASE WHEN name = 'node_load1' THEN value END) AS load,
    max(CASE WHEN name = 'node_memory_MemTotal_bytes' THEN value END) AS memory,
    max(CASE WHEN name = 'node_memory_MemAvailable_bytes' THEN value END) AS available
  FROM samples
  GROUP BY node, ts
)
SELECT
  node, max(cpus) AS cpus, round(1e2 * (1 - sum(idle) / sum(spent)), 1) AS busy_percent,
  round(max(1e2 * (1 - idle / spent)), 1) AS busiest_percent, round(max(load), 2) AS load_peak,
  round(max(memory) / 1073741824, 1) AS memory_gib,
  round(max(1e2 * (1 - available / memory)), 1) AS memory_peak_percent, min(ts) AS first_ts, max(ts) AS last_ts
FROM looks
GROUP BY node
ORDER BY coalesce(busy_percent, -1) DESC, node
