-- title: Where each error began
-- question: When, in which pod, on which node and with which image was each kind of error seen first, in order of time?
-- params: from timestamp = now - 3h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod, of the node itself of the unit or file";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH errors AS (
  SELECT
    coalesce(ts, ingest_ts) AS moment, namespace, coalesce(workload, pod, container) AS workload,
    coalesce(pod, container) AS pod, node, coalesce(image, '') AS image, message,
    @said(message) AS said
  FROM logs
  WHERE @window
    AND level IN ('error', 'fatal')
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
folded AS (
  SELECT
    moment, namespace, workload, pod, node, image, message,
    @fingerprint(said) AS fingerprint
  FROM errors
)
SELECT
  min(moment) AS first_seen,
  namespace,
  workload,
  min_by(pod, moment) AS pod,
  min_by(node, moment) AS node,
  min_by(image, moment) AS image,
  substr(min_by(message, moment), 1, 1000) AS first_message,
  count(*) AS lines,
  count(DISTINCT node) AS nodes,
  max(moment) AS last_seen
FROM folded
GROUP BY namespace, workload, fingerprint
ORDER BY first_seen, namespace, workload, first_message
LIMIT @limit
