-- title: Around a line
-- question: What did a pod say just before and after one line, given by time, or by file and file_offset?
-- params: pod text "the pod's name, of the node itself the unit or file; or a LIKE pattern";
--   at timestamp = now "the line is the last one up to here";
--   file text = '' "the line's file, as search/text shows it, instead of a time";
--   file_offset integer = 0 "and where in it";
--   n integer = 10 "lines before and after"; from timestamp = at - 1h "start"; to timestamp = at + 1h "end"
-- engines: athena, trino, duckdb
WITH timed AS (  -- a line without a time of its own stands where it stands in its file
  SELECT
    ts, pod, container, stream, level, message, node, file, file_offset,
    coalesce(ts, max(ts) OVER (PARTITION BY node, file ORDER BY file_offset), ingest_ts) AS moment
  FROM logs
  WHERE @window
    AND (pod LIKE @pod OR (pod IS NULL AND container LIKE @pod))  -- not by coalesce: a name then skips what is not its
),
placed AS (
  SELECT *, row_number() OVER (ORDER BY moment, node, file, file_offset) AS place
  FROM timed
),
anchor AS (
  SELECT coalesce(max(place), 0) AS place
  FROM placed
  WHERE (@file = '' AND moment <= @at) OR (file = @file AND file_offset = @file_offset)
)
SELECT
  placed.place - anchor.place AS distance, ts, pod, container, stream, level, message, node, file, file_offset
FROM placed
CROSS JOIN anchor
WHERE placed.place BETWEEN anchor.place - @n AND anchor.place + @n
ORDER BY placed.place
