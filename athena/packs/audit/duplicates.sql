-- title: Duplicates
-- question: Which lines are in logs more than once, and which bytes has the ledger more than once?
-- params: from timestamp = beginning "start"; to timestamp = end "end"
-- engines: athena, trino, duckdb
-- expect: no rows
WITH doubled AS (  -- by itself, because on a sound lake it is empty and the objects' names are never read
  SELECT node, file, file_offset, count(*) AS copies
  FROM logs
  WHERE @window
  GROUP BY node, file, file_offset
  HAVING count(*) > 1
),
named AS (
  SELECT
    lines.node, lines.file, lines.file_offset, doubled.copies, min(pod) AS pod,
    min("$path") AS object, max("$path") AS other_object
  FROM (SELECT node, file, file_offset, pod, "$path" FROM logs WHERE @window) AS lines
  JOIN doubled
    ON doubled.node = lines.node AND doubled.file = lines.file AND doubled.file_offset = lines.file_offset
  GROUP BY lines.node, lines.file, lines.file_offset, doubled.copies
),
ranges AS (
  SELECT
    node, file, path, from_offset, to_offset, object,
    max(to_offset) OVER (
      PARTITION BY node, file ORDER BY from_offset, to_offset, object
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to,
    lag(object) OVER (PARTITION BY node, file ORDER BY from_offset, to_offset, object) AS other_object
  FROM ledger
  WHERE @window
)
SELECT
  'lines more than once' AS finding, node, file, pod AS pod_or_path, min(file_offset) AS from_offset,
  max(file_offset) AS to_offset, count(*) AS lines, CAST(sum(copies) - count(*) AS bigint) AS extra_rows,
  object, other_object
FROM named
GROUP BY node, file, pod, object, other_object
UNION ALL
SELECT
  'ranges overlap', node, file, path, from_offset, least(to_offset, covered_to), NULL, NULL, object, other_object
FROM ranges
WHERE from_offset < covered_to
  AND to_offset > from_offset
ORDER BY node, file, from_offset, finding
