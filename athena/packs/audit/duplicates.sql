-- title: Duplicates
-- question: Which lines are in logs more than once, and which bytes has the ledger more than once?
-- params: from timestamp = beginning "start"; to timestamp = end "end"
-- engines: athena, trino, duckdb
-- expect: no rows
WITH ranges AS (
  SELECT
    node, file, path, from_offset, to_offset, "$path" AS object,
    row_number() OVER (PARTITION BY node, file ORDER BY from_offset, to_offset, "$path") AS place
  FROM ledger
  WHERE @window  -- but for lines that a sink refused for good: they lie in the range that delivered the others
    AND NOT @refused(reason)
),
covered AS (
  SELECT
    node, file, path, from_offset, to_offset, object, place,
    max(to_offset) OVER (
      PARTITION BY node, file ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
  FROM ranges
),
promised AS (  -- of each file, what the ledger promises less what is in logs
  SELECT node, file, lines, marks, CASE WHEN marks IS NULL THEN 1 ELSE 0 END AS unsure
  FROM ledger
  WHERE dt >= date_format(@from, '%Y-%m-%d')
    AND account = 'delivered'
    AND NOT @of_other_table(pod_uid, container)
  UNION ALL
  SELECT node, file, -count(*), -sum(@marks(file_offset)), 0
  FROM logs
  WHERE @window
  GROUP BY node, file
  UNION ALL
  SELECT node, file, 0, 0, 1
  FROM covered
  WHERE from_offset < covered_to
    AND to_offset > from_offset
  UNION ALL  -- refused for good by a sink: promised by a range, and not in logs
  SELECT DISTINCT node, file, CAST(-1 AS bigint), -@marks(from_offset), 0
  FROM ledger
  WHERE dt >= date_format(@from, '%Y-%m-%d')
    AND @refused(reason)
),
suspects AS (  -- in all others each line is there, and once: only of these lines are looked at one by one
  SELECT node, file
  FROM promised
  GROUP BY node, file
  HAVING sum(lines) <> 0
    OR sum(marks) <> 0
    OR sum(unsure) > 0
),
doubled AS (  -- by itself, because on a sound lake it is empty and the objects' names are never read
  SELECT node, file, file_offset, count(*) AS copies
  FROM logs
  WHERE @window
    AND file IN (SELECT file FROM suspects)
  GROUP BY node, file, file_offset
  HAVING count(*) > 1
),
named AS (
  SELECT
    lines.node, lines.file, lines.file_offset, doubled.copies, min(pod) AS pod,
    lines.file_offset + max(file_bytes) AS line_end, min("$path") AS object, max("$path") AS other_object
  FROM (
    SELECT node, file, file_offset, file_bytes, pod, "$path"
    FROM logs
    WHERE @window
      AND file IN (SELECT file FROM suspects)
  ) AS lines
  JOIN doubled
    ON doubled.node = lines.node AND doubled.file = lines.file AND doubled.file_offset = lines.file_offset
  GROUP BY lines.node, lines.file, lines.file_offset, doubled.copies
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
