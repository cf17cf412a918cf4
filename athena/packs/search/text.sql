-- title: Search
-- question: Which lines match a regular expression, newest first?
-- params: from timestamp = now - 3h "start"; to timestamp = now "end";
--   pattern text = '' "regular expression; (?i) in front ignores case"; namespace text = % "LIKE pattern";
--   pod text = % "LIKE pattern"; level text = % "LIKE pattern: error, or % for all"; limit integer = 100 "rows"
-- engines: athena, trino, duckdb
SELECT ts, namespace, pod, container, level, message, node, file, file_offset
FROM logs
WHERE @window
  AND (namespace LIKE @namespace OR (namespace IS NULL AND @namespace = '%'))  -- not by coalesce: a name then skips
  AND (pod LIKE @pod OR (pod IS NULL AND @pod = '%'))  -- what is not its
  AND (level LIKE @level OR (level IS NULL AND @level = '%'))
  AND regexp_like(message, @pattern)
ORDER BY coalesce(ts, ingest_ts) DESC, node, file, file_offset DESC
LIMIT @limit
