-- title: Gaps
-- question: Which bytes of a log file has no range of the ledger, and which delivered lines are not in logs?
-- params: from timestamp = beginning "ranges sealed since then"; to timestamp = now "ranges sealed until then";
--   since timestamp = from - 7d "the oldest time that a line of such a range may carry";
--   settle duration = 15m "lines read so shortly before the end may still wait for their range"
-- engines: athena, trino, duckdb
-- expect: no rows
WITH ranges AS (  -- all ranges up to the end: a file that began before the window has its beginning before it, too
  SELECT
    ts, node, file, path, container, account, lines, object, from_offset, to_offset,
    coalesce(
      max(to_offset) OVER (
        PARTITION BY node, file ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ), 0
    ) AS covered_to
  FROM ledger
  WHERE dt <= date_format(@to, '%Y-%m-%d')
    AND ts < @to
),
marks AS (  -- delivered ranges and lines in one order: a line lies in the last range that begins before it
  SELECT node, file, from_offset AS place, from_offset, to_offset, 0 AS line, CAST(NULL AS timestamp) AS ingest_ts
  FROM ranges
  WHERE account = 'delivered'
  UNION ALL
  SELECT node, file, file_offset, NULL, NULL, 1, min(ingest_ts)
  FROM logs
  WHERE dt >= date_format(@since, '%Y-%m-%d')
  GROUP BY node, file, file_offset
),
located AS (
  SELECT
    node, file, place, line, ingest_ts,
    max(from_offset) OVER (PARTITION BY node, file ORDER BY place, line ROWS UNBOUNDED PRECEDING) AS from_offset,
    max(to_offset) OVER (PARTITION BY node, file ORDER BY place, line ROWS UNBOUNDED PRECEDING) AS to_offset
  FROM marks
),
found AS (
  SELECT node, file, from_offset, sum(CASE WHEN place < to_offset THEN line ELSE 0 END) AS lines
  FROM located
  GROUP BY node, file, from_offset
)
SELECT
  'bytes without a range' AS finding, node, file, path, container, covered_to AS from_offset, from_offset AS to_offset,
  CAST(NULL AS bigint) AS lines_expected, CAST(NULL AS bigint) AS lines_found, CAST(NULL AS varchar) AS object
FROM ranges
WHERE from_offset > covered_to
  AND ts >= @from
UNION ALL
SELECT
  CASE WHEN found.lines < ranges.lines THEN 'lines not in logs' ELSE 'more lines than delivered' END, ranges.node, ranges.file, path, container, ranges.from_offset, to_offset,
  ranges.lines, found.lines, object
FROM ranges
JOIN found
  ON found.node = ranges.node AND found.file = ranges.file AND found.from_offset = ranges.from_offset
WHERE account = 'delivered'
  AND ts >= @from
  AND found.lines <> ranges.lines
UNION ALL
SELECT
  'lines that no range delivered', node, file, NULL, NULL, min(place), max(place), 0, count(*), NULL
FROM located
WHERE line = 1
  AND (to_offset IS NULL OR place >= to_offset)
  AND ingest_ts >= @from
  AND ingest_ts < @to - @settle
GROUP BY node, file
ORDER BY node, file, from_offset, finding
