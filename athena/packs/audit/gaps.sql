-- title: Gaps
-- question: Which bytes of a log file has no range of the ledger, and which delivered lines are not in logs?
-- params: from timestamp = beginning "ranges sealed since then"; to timestamp = now "ranges sealed until then";
--   since timestamp = from - 7d "the oldest time that a line of such a range may carry";
--   settle duration = 15m "what was read or sealed so shortly before the end may still wait for what belongs to it"
-- engines: athena, trino, duckdb
-- expect: no rows
WITH promised AS (  -- of each file, what the ledger promises less what is in logs
  SELECT
    node, file, lines, marks, CASE WHEN marks IS NULL THEN 1 ELSE 0 END AS unmarked, to_offset - from_offset AS bytes,
    CAST(0 AS bigint) AS truncated
  FROM ledger
  WHERE dt <= date_format(@to, '%Y-%m-%d')
    AND account = 'delivered'
    AND NOT @of_other_table(pod_uid, container)
  UNION ALL
  SELECT node, file, -count(*), -sum(@marks(file_offset)), 0, -sum(file_bytes), 0
  FROM logs
  WHERE dt >= date_format(@since, '%Y-%m-%d')
  GROUP BY node, file
  UNION ALL
  SELECT DISTINCT node, file, CAST(-1 AS bigint), -@marks(from_offset), 0, from_offset - to_offset, CAST(0 AS bigint)
  FROM ledger
  WHERE dt <= date_format(@to, '%Y-%m-%d')
    AND @refused(reason)
  UNION ALL
  SELECT node, file, 0, 0, 0, 0, to_offset - from_offset
  FROM ledger
  WHERE dt <= date_format(@to, '%Y-%m-%d')
    AND account = 'truncated'
),
suspects AS (  -- in all others each line is there, and once: only of these lines are looked at one by one
  SELECT node, file
  FROM promised
  GROUP BY node, file
  HAVING sum(lines) <> 0
    OR sum(marks) <> 0
    OR sum(unmarked) > 0
    OR sum(bytes) > 0
    OR sum(bytes) + sum(truncated) < 0
),
ranges AS (  -- all ranges up to the end: a file that began before the window has its beginning before it, too
  SELECT
    ts, node, file, path, container, lines, marks, object, from_offset, to_offset,
    CASE WHEN @of_other_table(pod_uid, container) THEN 'in another table' ELSE account END AS account,
    coalesce(
      max(to_offset) OVER (
        PARTITION BY node, file ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ), 0
    ) AS covered_to
  FROM ledger
  WHERE dt <= date_format(@to, '%Y-%m-%d')
    AND ts < @to
    AND NOT @refused(reason)
),
places AS (  -- delivered ranges and lines in one order: a line lies in the last range that begins before it
  SELECT
    node, file, from_offset AS place, from_offset, to_offset, 0 AS line, CAST(NULL AS bigint) AS file_bytes,
    CAST(NULL AS timestamp) AS ingest_ts
  FROM ranges
  WHERE account = 'delivered'
    AND file IN (SELECT file FROM suspects)
  UNION ALL
  SELECT node, file, file_offset, NULL, NULL, 1, max(file_bytes), min(ingest_ts)
  FROM logs
  WHERE dt >= date_format(@since, '%Y-%m-%d')
    AND file IN (SELECT file FROM suspects)
  GROUP BY node, file, file_offset
  UNION ALL  -- lines that a sink refused for good: abandoned, though the range that delivered the others counts them
  SELECT DISTINCT node, file, from_offset, CAST(NULL AS bigint), CAST(NULL AS bigint), 1, to_offset - from_offset,
    CAST(NULL AS timestamp)
  FROM ledger
  WHERE dt <= date_format(@to, '%Y-%m-%d')
    AND ts < @to
    AND @refused(reason)
    AND file IN (SELECT file FROM suspects)
),
located AS (
  SELECT
    node, file, place, line, file_bytes, ingest_ts,
    max(from_offset) OVER (PARTITION BY node, file ORDER BY place, line ROWS UNBOUNDED PRECEDING) AS from_offset,
    max(to_offset) OVER (PARTITION BY node, file ORDER BY place, line ROWS UNBOUNDED PRECEDING) AS to_offset
  FROM places
),
found AS (  -- a range is a mark of its own, so one whose lines are all missing is here with none
  SELECT
    node, file, from_offset, sum(CASE WHEN place < to_offset THEN line ELSE 0 END) AS lines,
    sum(CASE WHEN place < to_offset THEN file_bytes ELSE 0 END) AS bytes,
    sum(CASE WHEN place < to_offset AND line = 1 THEN @marks(place) ELSE 0 END) AS marks
  FROM located
  GROUP BY node, file, from_offset
),
files AS (
  SELECT
    ranges.node, ranges.file, min(path) AS path, min(container) AS container, max(to_offset) AS seen, max(ts) AS ts,
    sum(CASE WHEN account = 'delivered' THEN ranges.lines ELSE 0 END) AS lines_expected,
    sum(found.lines) AS lines_found, sum(found.bytes) AS bytes,
    sum(CASE WHEN account = 'delivered' THEN to_offset - ranges.from_offset ELSE 0 END) AS delivered,
    sum(CASE WHEN account = 'truncated' THEN to_offset - ranges.from_offset ELSE 0 END) AS truncated
  FROM ranges
  LEFT JOIN found
    ON found.node = ranges.node AND found.file = ranges.file AND found.from_offset = ranges.from_offset
      AND ranges.account = 'delivered'
  WHERE ranges.file IN (SELECT file FROM suspects)
  GROUP BY ranges.node, ranges.file
)
SELECT
  'bytes without a range' AS finding, node, file, path, container, covered_to AS from_offset, from_offset AS to_offset,
  CAST(NULL AS bigint) AS lines_expected, CAST(NULL AS bigint) AS lines_found, CAST(NULL AS varchar) AS object
FROM ranges
WHERE from_offset > covered_to
  AND ts >= @from
  AND ts < @to - @settle
UNION ALL
SELECT
  CASE
    WHEN found.lines < ranges.lines THEN 'lines not in logs'
    WHEN found.lines > ranges.lines THEN 'more lines than delivered'
    ELSE 'other lines than delivered'
  END,
  ranges.node, ranges.file, path, container, ranges.from_offset, to_offset, ranges.lines, found.lines, object
FROM ranges
JOIN found
  ON found.node = ranges.node AND found.file = ranges.file AND found.from_offset = ranges.from_offset
WHERE account = 'delivered'
  AND ts >= @from
  AND (found.lines <> ranges.lines OR found.marks <> ranges.marks)
UNION ALL
SELECT
  'lines that no range delivered', node, file, NULL, NULL, min(place), max(place + file_bytes), 0, count(*), NULL
FROM located
WHERE line = 1
  AND (to_offset IS NULL OR place >= to_offset)
  AND ingest_ts >= @from
  AND ingest_ts < @to - @settle
GROUP BY node, file
UNION ALL
SELECT  -- every line is there, so their bytes must be the ranges' too: else a range was cut where no line begins
  'lines and ranges differ in bytes', node, file, path, container, 0, seen, lines_expected, lines_found, NULL
FROM files
WHERE lines_found = lines_expected
  AND (bytes < delivered OR bytes > delivered + truncated)
  AND ts >= @from
  AND ts < @to - @settle
ORDER BY node, file, from_offset, finding
