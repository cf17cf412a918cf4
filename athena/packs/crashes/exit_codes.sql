-- title: Exit codes
-- question: With which exit codes did containers end, how often, and what does each mean?
-- params: namespace text = % "LIKE pattern"; from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH ended AS (  -- one row an end, however often its pod's status told it
  SELECT
    namespace, pod, pod_uid, container, end_ts, max(workload) AS workload, max(end_reason) AS end_reason,
    max(exit_code) AS exit_code
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND end_ts IS NOT NULL
  GROUP BY namespace, pod, pod_uid, container, end_ts
)
SELECT
  namespace, coalesce(workload, pod) AS workload, container, exit_code, end_reason, count(*) AS times,
  count(DISTINCT pod) AS pods, min(end_ts) AS first_ts, max(end_ts) AS last_ts,
  CASE
    WHEN end_reason = 'OOMKilled' THEN 'killed by the kernel: it needed more memory than its limit'
    WHEN exit_code = 0 THEN 'done'
    WHEN exit_code = 125 THEN 'the runtime could not start it'
    WHEN exit_code = 126 THEN 'its command may not be executed'
    WHEN exit_code = 127 THEN 'its command was not found in the image'
    WHEN exit_code = 130 THEN 'interrupted (SIGINT)'
    WHEN exit_code = 134 THEN 'it aborted itself (SIGABRT): an assertion, or a runtime that gave up'
    WHEN exit_code = 135 THEN 'bus error (SIGBUS): often a full /dev/shm or a truncated mapped file'
    WHEN exit_code = 137 THEN 'killed (SIGKILL): by a liveness probe, an eviction, or because it did not stop in time'
    WHEN exit_code = 139 THEN 'segmentation fault (SIGSEGV)'
    WHEN exit_code = 143 THEN 'told to stop (SIGTERM), and stopped'
    WHEN exit_code > 128 AND exit_code < 160 THEN 'signal ' || CAST(exit_code - 128 AS varchar)
    ELSE 'its own: see crashes/last_lines'
  END AS meaning
FROM ended
GROUP BY namespace, coalesce(workload, pod), container, exit_code, end_reason
ORDER BY CASE WHEN exit_code = 0 THEN 1 ELSE 0 END, times DESC, namespace, workload, container, exit_code, end_reason
