-- title: Abandoned
-- question: Which bytes were given up, of which file, when, and what keeps it from happening again?
-- params: from timestamp = beginning "given up since then"; to timestamp = now "given up until then"
-- engines: athena, trino, duckdb
-- expect: no rows
WITH ranges AS (
  SELECT
    ts, node, file, path, container, pod_uid, lines, from_offset, to_offset,
    max(to_offset) OVER (
      PARTITION BY node, file ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
  FROM ledger
  WHERE @window
    AND account = 'abandoned'
),
stretches AS (  -- ranges that touch are one loss
  SELECT
    *,
    sum(CASE WHEN from_offset <= covered_to THEN 0 ELSE 1 END) OVER (
      PARTITION BY node, file ORDER BY from_offset, to_offset ROWS UNBOUNDED PRECEDING
    ) AS stretch
  FROM ranges
)
SELECT  -- lines is null where nobody could count them; the file's path names namespace and pod
  node, min(path) AS path, min(container) AS container, min(pod_uid) AS pod_uid, file,
  min(from_offset) AS from_offset, max(to_offset) AS to_offset, max(to_offset) - min(from_offset) AS bytes,
  CASE WHEN sum(lines) > 0 THEN CAST(sum(lines) AS bigint) END AS lines, min(ts) AS first_ts, max(ts) AS last_ts,
  'why: tailrace_log_abandoned_bytes_total of this node, and its warning at first_ts. Sink down for too long: mend it, '
    || 'or give the outbox more room. Truncated or rotated away unread: rotate by rename, let the kubelet keep larger '
    || 'or more files (containerLogMaxSize, containerLogMaxFiles). A damaged file: check the disk.' AS what_to_do
FROM stretches
GROUP BY node, file, stretch
ORDER BY bytes DESC, node, file, from_offset
