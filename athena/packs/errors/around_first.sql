-- title: Around the first error
-- question: What did each container of a workload say just before and after its first error?
-- params: workload text "LIKE pattern of the workload, else of the pod, of the node itself of the unit or file";
--   namespace text = % "LIKE pattern"; pattern text = '' "regular expression that the error matches";
--   before integer = 5 "lines before it"; after integer = 2 "lines after it";
--   from timestamp = now - 1h "start"; to timestamp = now "end"; limit integer = 200 "rows"
-- engines: athena, trino, duckdb
WITH placed AS (  -- a file is one attempt of one container, or a piece of it
  SELECT
    ts, namespace, coalesce(pod, container) AS pod, container, restart, level, message, node, file, file_offset,
    CASE WHEN level IN ('error', 'fatal') AND regexp_like(message, @pattern) THEN 1 ELSE 0 END AS is_error,
    row_number() OVER (PARTITION BY node, file ORDER BY file_offset) AS place
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
anchored AS (
  SELECT *, min(CASE WHEN is_error = 1 THEN place END) OVER (PARTITION BY node, file) AS first_place
  FROM placed
)
SELECT namespace, pod, container, restart, place - first_place AS distance, ts, level, message
FROM anchored
WHERE place BETWEEN first_place - @before AND first_place + @after
ORDER BY namespace, pod, container, restart, node, file, place
LIMIT @limit
