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
    lines.file_offset + max(file_bytes) AS line_end, min("$path") AS object, max("$path") AS other_object
  FROM (SELECT node, file, file_offset, file_bytes, pod, "$path" FROM logs WHERE @window) AS lines
  JOIN doubled
    ON doubled.node = lines.node AND doubled.file = lines.file AND doubled.file_offset = lines.file_offset
  GROUP BY lines.node, lines.file, lines.file_offset, doubled.copies
),
ranges AS (
  SELECT
    node, file, path, from_offset, to_offset, "$path" AS object,
    row_number() OVER (PARTITION BY node, file ORDER BY from_offset, to_offset, "$path") AS place
  FROM ledger
  WHERE @window  -- but for lines that a sink refused for good: they lie in the range that delivered the others
    AND coalesce(reason, '') NOT IN ('rejected', 'too_old', 'too_new', 'expired')
),
covered AS (
  SELECT
    node, file, path, from_offset, to_offset, object, place,
    max(to_offset) OVER (
      PARTITION BY node, file ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
  FROM ranges
)
SELECT
  'lines more than once' AS finding, node, file, pod AS pod_or_path, min(file_offset) AS from_offset,
  max(line_end) AS to_offset, count(*) AS lines, CAST(sum(copies) - count(*) AS bigint) AS extra_rows,
  object, other_object
FROM named
GROUP BY node, file, pod, object, other_object
UNION ALL
SELECT  -- each with those before it that it overlaps, not merely with its neighbour
  'ranges overlap', covered.node, covered.file, covered.path, min(covered.from_offset),
  max(least(covered.to_offset, earlier.to_offset)), NULL, count(*), earlier.object, covered.object
FROM covered
JOIN ranges AS earlier
  ON earlier.node = covered.node AND earlier.file = covered.file
    AND earlier.place < covered.place AND earlier.to_offset > covered.from_offset
WHERE covered.from_offset < covered.covered_to
  AND covered.to_offset > covered.from_offset
GROUP BY covered.node, covered.file, covered.path, earlier.object, covered.object
ORDER BY node, file, from_offset, finding, object, other_object
