-- title: What happened to nodes
-- question: When did a node's condition change, and what did Kubernetes say of it: in order of time?
-- params: node text = % "LIKE pattern"; from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH conditions AS (
  SELECT
    ts, node, value, json_extract_scalar(labels, '$.condition') AS condition,
    json_extract_scalar(labels, '$.status') AS status,
    lag(value) OVER (PARTITION BY node, labels ORDER BY ts) AS before
  FROM metrics
  WHERE @window
    AND name = 'kube_node_status_condition'
    AND node LIKE @node
),
told AS (  -- one row a state of an event: after another agent took over it may be there twice
  SELECT
    uid, resource_version, min(ts) AS ts, min(name) AS node, min(type) AS type, min(reason) AS reason,
    min(message) AS message, max(count) AS count
  FROM events
  WHERE @window
    AND kind = 'Node'
    AND name LIKE @node
  GROUP BY uid, resource_version
)
SELECT ts, node, 'condition' AS what, condition || ' is ' || status AS message
FROM conditions
WHERE value = 1
  AND before = 0
UNION ALL
SELECT
  ts, node, 'event', coalesce(type, '-') || ' ' || coalesce(reason, '-') || ': ' || coalesce(message, '') ||
    CASE WHEN count > 1 THEN ' (' || CAST(count AS varchar) || ' times)' ELSE '' END
FROM told
ORDER BY ts, node, what, message
