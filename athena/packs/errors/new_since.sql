-- title: New errors since a moment
-- question: Which errors appeared since a moment, such as the last deploy, and were not there in the hours before it?
-- params: since timestamp = now - 1h "the moment: the deploy";
--   from timestamp = since - 3h "not seen between this and it"; to timestamp = now "end";
--   namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod, of the node itself of the unit or file";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH errors AS (
  SELECT
    coalesce(ts, ingest_ts) AS moment, namespace, coalesce(workload, pod, container) AS workload,
    coalesce(pod, node) AS pod, coalesce(image, '') AS image, message,
    @said(message) AS said
  FROM logs
  WHERE @window
    AND level IN ('error', 'fatal')
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
folded AS (  -- word for word first: most programs say the same again and again, and folding is what costs
  SELECT
    namespace, workload, pod,
    @fingerprint(said) AS fingerprint,
    count(*) AS lines, min(moment) AS first_seen, max(moment) AS last_seen,
    min_by(image, moment) AS image, min(message) AS example
  FROM errors
  GROUP BY namespace, workload, pod, said
)
SELECT
  CAST(sum(folded.lines) AS bigint) AS lines,
  count(DISTINCT pod) AS pods,
  min(folded.first_seen) AS first_seen,
  max(folded.last_seen) AS last_seen,
  namespace,
  workload,
  min_by(folded.image, folded.first_seen) AS image,
  substr(fingerprint, 1, 400) AS fingerprint,
  substr(min(folded.example), 1, 1000) AS example
FROM folded
GROUP BY namespace, workload, fingerprint
HAVING min(folded.first_seen) >= @since
ORDER BY sum(folded.lines) DESC, min(folded.first_seen), namespace, workload, fingerprint
LIMIT @limit
