-- title: Volume over time
-- question: How many lines, bytes and errors did the largest namespaces write in each stretch of time, and all others?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end";
--   seconds integer = 3600 "length of a stretch";
--   top integer = 7 "namespaces that are told apart; the others are one, (others)"
-- engines: athena, trino, duckdb
WITH counts AS (  -- a line without a legal time counts when it was read
  SELECT
    namespace, level,
    CAST(floor((to_unixtime(coalesce(ts, ingest_ts)) - to_unixtime(@from)) / @seconds) AS bigint) AS stretch,
    count(*) AS lines, sum(file_bytes) AS bytes
  FROM logs
  WHERE @window
  GROUP BY 1, 2, 3
),
cells AS (
  SELECT
    coalesce(namespace, '(node)') AS namespace, stretch, sum(lines) AS lines, sum(bytes) AS bytes,
    sum(CASE WHEN level IN ('error', 'fatal') THEN lines ELSE 0 END) AS errors
  FROM counts
  GROUP BY coalesce(namespace, '(node)'), stretch
),
ranked AS (
  SELECT namespace, row_number() OVER (ORDER BY sum(bytes) DESC, namespace) AS place
  FROM cells
  GROUP BY namespace
)
SELECT
  date_add('second', stretch * @seconds, @from) AS stretch_start,
  CASE WHEN place <= @top THEN cells.namespace ELSE '(others)' END AS namespace,
  count(DISTINCT cells.namespace) AS namespaces,
  CAST(sum(lines) AS bigint) AS lines,
  CAST(sum(bytes) AS bigint) AS bytes,
  CAST(sum(errors) AS bigint) AS errors
FROM cells
JOIN ranked ON ranked.namespace = cells.namespace
GROUP BY 1, 2
ORDER BY 1, 2
