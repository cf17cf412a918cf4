-- title: Volume by team
-- question: How much did each team write, by a label of its pods, and which namespaces are it in?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   label text = team "the label, as team, app.kubernetes.io/part-of or node/topology.kubernetes.io/zone"
-- engines: athena, trino, duckdb
WITH labelled AS (  -- first by the labels' whole text, of which there are few
  SELECT labels, namespace, count(*) AS lines, sum(file_bytes) AS bytes
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY labels, namespace
),
teams AS (  -- the agent writes labels as JSON without spaces, and a label's value has no quotes
  SELECT
    coalesce(nullif(split_part(split_part(labels, '"' || @label || '":"', 2), '"', 1), ''), '(none)') AS team,
    namespace, lines, bytes
  FROM labelled
)
SELECT
  team,
  count(DISTINCT namespace) AS namespaces,
  min(namespace) AS one_namespace,
  CAST(sum(lines) AS bigint) AS lines,
  CAST(sum(bytes) AS bigint) AS bytes,
  round(1e2 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS percent
FROM teams
GROUP BY team
ORDER BY bytes DESC, team
