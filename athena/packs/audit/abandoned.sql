-- title: Abandoned
-- question: Which bytes were given up, of which file, when, and what keeps it from happening again?
-- params: from timestamp = beginning "given up since then"; to timestamp = now "given up until then"
-- engines: athena, trino, duckdb
-- expect: no rows
WITH ranges AS (
  SELECT
    ts, node, file, path, container, pod_uid, lines, from_offset, to_offset, coalesce(reason, 'unknown') AS reason,
    max(to_offset) OVER (
      PARTITION BY node, file, reason ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered_to
  FROM ledger
  WHERE @window
    AND account = 'abandoned'
    AND coalesce(reason, '') <> 'hole'  -- NULs of a writer that does not append: no line was there
),
stretches AS (  -- ranges that touch are one loss
  SELECT
    *,
    sum(CASE WHEN from_offset <= covered_to THEN 0 ELSE 1 END) OVER (
      PARTITION BY node, file, reason ORDER BY from_offset, to_offset ROWS UNBOUNDED PRECEDING
    ) AS stretch
  FROM ranges
)
SELECT  -- lines is null where nobody could count them; the file's path names namespace and pod
  node, min(path) AS path, min(container) AS container, min(pod_uid) AS pod_uid, file,
  min(from_offset) AS from_offset, max(to_offset) AS to_offset, max(to_offset) - min(from_offset) AS bytes,
  CASE WHEN sum(lines) > 0 THEN CAST(sum(lines) AS bigint) END AS lines, min(ts) AS first_ts, max(ts) AS last_ts,
  reason,
  CASE reason
    WHEN 'truncated' THEN 'the file was truncated before it was read: rotate by rename, as the kubelet does'
    WHEN 'damaged' THEN 'a compressed log file is damaged: check the disk'
    WHEN 'gone' THEN 'read, not stored, and deleted while no agent ran: let the kubelet keep more (containerLogMaxFiles)'
    WHEN 'held_full' THEN 'the sink was down until outbox and held bytes were full: mend it, or allow more room'
    WHEN 'outbox_damaged' THEN 'an object that waited on disk is damaged: check the disk'
    ELSE 'see the warning of this node at first_ts'
  END AS what_to_do
FROM stretches
GROUP BY node, file, reason, stretch
ORDER BY bytes DESC, node, file, from_offset
