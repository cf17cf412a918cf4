-- title: Balance
-- question: For every file, where did each byte up to the last range go: do the accounts add up to what was seen?
-- params: from timestamp = beginning "files with a range sealed since then";
--   to timestamp = now "ranges sealed until then";
--   settle duration = 15m "a hole before a range sealed so shortly before the end may still be in flight";
--   show text = all "all files, or only those that are unbalanced: all, unbalanced";
--   path text = % "LIKE pattern of the file's path: %/shop_% for a namespace"
-- engines: athena, trino, duckdb
WITH ranges AS (  -- all ranges up to the end: a file that began before the window has its beginning before it, too
  SELECT
    ts, node, file, path, container, account, from_offset, to_offset,
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
refused AS (  -- lines that a sink refused for good: the range that delivered the others has their bytes, too
  SELECT node, file, sum(to_offset - from_offset) AS bytes
  FROM (
    SELECT DISTINCT node, file, from_offset, to_offset
    FROM ledger
    WHERE dt <= date_format(@to, '%Y-%m-%d')
      AND ts < @to
      AND @refused(reason)
  ) AS lines
  GROUP BY node, file
),
files AS (
  SELECT
    node, file, min(path) AS path, min(container) AS container, max(to_offset) AS seen,
    sum(CASE WHEN account = 'delivered' THEN to_offset - from_offset ELSE 0 END) AS delivered,
    sum(CASE WHEN account = 'filtered' THEN to_offset - from_offset ELSE 0 END) AS filtered,
    sum(CASE WHEN account = 'sampled' THEN to_offset - from_offset ELSE 0 END) AS sampled,
    sum(CASE WHEN account = 'throttled' THEN to_offset - from_offset ELSE 0 END) AS throttled,
    sum(CASE WHEN account = 'truncated' THEN to_offset - from_offset ELSE 0 END) AS truncated,
    sum(CASE WHEN account = 'abandoned' THEN to_offset - from_offset ELSE 0 END) AS abandoned,
    sum(CASE WHEN from_offset > covered_to AND ts >= @to - @settle THEN from_offset - covered_to ELSE 0 END)
      AS in_flight,
    sum(CASE WHEN from_offset < covered_to THEN least(to_offset, covered_to) - from_offset ELSE 0 END) AS doubled
  FROM ranges
  GROUP BY node, file
  HAVING max(ts) >= @from
),
balances AS (  -- what is left: holes between ranges, and bytes of an account that is none of these six
  SELECT
    files.*, coalesce(bytes, 0) AS refused,
    seen + doubled - in_flight - delivered - filtered - sampled - throttled - truncated - abandoned AS unaccounted
  FROM files
  LEFT JOIN refused ON refused.node = files.node AND refused.file = files.file
)
SELECT
  node, file, path, container, seen, delivered - refused AS delivered, filtered, sampled, throttled, truncated,
  abandoned + refused AS abandoned, in_flight, unaccounted, doubled,
  CASE WHEN unaccounted = 0 AND doubled = 0 THEN 'yes' ELSE 'no' END AS balanced
FROM balances
WHERE path LIKE @path
  AND (@show <> 'unbalanced' OR unaccounted <> 0 OR doubled <> 0)
ORDER BY unaccounted + doubled DESC, abandoned DESC, seen DESC, node, file
