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
folded AS (  -- word for word first: most programs say the same again and again, and folding is what costs
  SELECT
    namespace, workload, node,
    @fingerprint(said) AS fingerprint,
    count(*) AS lines, min(moment) AS first_seen, max(moment) AS last_seen,
    min_by(pod, moment) AS pod, min_by(image, moment) AS image, min_by(message, moment) AS first_message
  FROM errors
  GROUP BY namespace, workload, node, said
)
SELECT
  min(folded.first_seen) AS first_seen,
  namespace,
  workload,
  min_by(folded.pod, folded.first_seen) AS pod,
  min_by(folded.node, folded.first_seen) AS node,
  min_by(folded.image, folded.first_seen) AS image,
  substr(min_by(folded.first_message, folded.first_seen), 1, 1000) AS first_message,
  CAST(sum(folded.lines) AS bigint) AS lines,
  count(DISTINCT node) AS nodes,
  max(folded.last_seen) AS last_seen
FROM folded
GROUP BY namespace, workload, fingerprint
ORDER BY min(folded.first_seen), namespace, workload, first_message
LIMIT @limit
