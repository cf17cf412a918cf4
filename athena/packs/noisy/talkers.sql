-- title: Who talks most
-- question: Which pods received and sent how many bytes, what share of all is that, and were packets lost?
-- params: namespace text = % "LIKE pattern"; limit integer = 50 "rows"; from timestamp = now - 1h "start";
--   to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH samples AS (
  SELECT
    node, namespace, pod, name, value,
    lag(value) OVER (PARTITION BY node, namespace, pod, container, name, labels ORDER BY ts) AS before
  FROM metrics
  WHERE @window
    AND name IN (
      'container_network_receive_bytes_total', 'container_network_transmit_bytes_total',
      'container_network_receive_packets_dropped_total', 'container_network_transmit_packets_dropped_total',
      'container_network_receive_errors_total', 'container_network_transmit_errors_total'
    )
    AND pod IS NOT NULL
    AND namespace LIKE @namespace
),
pods_grown AS (  -- how much each counter grew from look to look; it begins at 0 with its pod
  SELECT
    node, namespace, pod,
    sum(CASE WHEN name = 'container_network_receive_bytes_total' THEN grown ELSE 0 END) AS received,
    sum(CASE WHEN name = 'container_network_transmit_bytes_total' THEN grown ELSE 0 END) AS sent,
    sum(CASE WHEN name LIKE '%_bytes_total' THEN 0 ELSE grown END) AS lost
  FROM (
    SELECT node, namespace, pod, name, CASE WHEN value < before THEN value ELSE value - before END AS grown
    FROM samples
    WHERE before IS NOT NULL
  ) AS steps
  GROUP BY node, namespace, pod
)
SELECT
  namespace, pod, node, CAST(received AS bigint) AS received_bytes, CAST(sent AS bigint) AS sent_bytes,
  round(1e2 * (received + sent) / sum(received + sent) OVER (), 1) AS percent,
  CAST(lost AS bigint) AS packets_lost
FROM pods_grown
WHERE received + sent + lost > 0
ORDER BY received + sent DESC, namespace, pod, node
LIMIT @limit
