-- title: Error fingerprints
-- question: Which errors are the same but for their numbers and ids: how many, since when, and one example?
-- params: from timestamp = now - 3h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod, of the node itself of the unit or file";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH errors AS (
  SELECT
    ts, namespace, coalesce(workload, pod, container) AS workload, message,
    @said(message) AS said
  FROM logs
  WHERE @window
    AND level IN ('error', 'fatal')
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
folded AS (  -- word for word first: most programs say the same again and again, and folding is what costs
  SELECT
    namespace, workload,
    @fingerprint(said) AS fingerprint,
    count(*) AS lines, min(ts) AS first_seen, max(ts) AS last_seen, min(message) AS example
  FROM errors
  GROUP BY namespace, workload, said
)
SELECT
  CAST(sum(folded.lines) AS bigint) AS lines,
  min(folded.first_seen) AS first_seen,
  max(folded.last_seen) AS last_seen,
  namespace,
  workload,
  substr(fingerprint, 1, 400) AS fingerprint,
  substr(min(folded.example), 1, 1000) AS example
FROM folded
GROUP BY namespace, workload, fingerprint
ORDER BY sum(folded.lines) DESC, namespace, workload, fingerprint
LIMIT @limit
