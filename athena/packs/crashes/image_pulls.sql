-- title: Images that could not be pulled
-- question: Which images could not be pulled, for how many pods, how often, and why?
-- params: namespace text = % "LIKE pattern"; from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH told AS (  -- an event is counted on: its last state has them all
  SELECT
    uid, namespace, name, regexp_extract(message, '[Ii]mage "([^"]+)"', 1) AS image,
    max(CASE WHEN reason = 'Failed' THEN coalesce(count, 1) END) AS tries, min(first_ts) AS first_ts,
    max(ts) AS last_ts, max(CASE WHEN reason = 'Failed' THEN message END) AS message
  FROM events
  WHERE @window
    AND kind = 'Pod'
    AND reason IN ('Failed', 'BackOff', 'ErrImageNeverPull', 'InspectFailed')
    AND namespace LIKE @namespace
    AND regexp_like(message, '[Ii]mage "[^"]+"')
  GROUP BY uid, namespace, name, regexp_extract(message, '[Ii]mage "([^"]+)"', 1)
)
SELECT
  namespace, image, count(DISTINCT name) AS pods, CAST(sum(tries) AS bigint) AS tries, min(first_ts) AS first_ts,
  max(last_ts) AS last_ts,
  CASE
    WHEN regexp_like(max(message), '(?i)not ?found|manifest unknown') THEN 'no such image or tag'
    WHEN regexp_like(max(message), '(?i)unauthorized|forbidden|denied|authentication|no basic auth') THEN 'not allowed'
    WHEN regexp_like(max(message), '(?i)toomanyrequests|too many requests|429') THEN 'too many pulls'
    WHEN regexp_like(max(message), '(?i)timeout|no such host|refused|unreachable') THEN 'registry not reached'
    WHEN regexp_like(max(message), '(?i)no space left') THEN 'disk full'
    WHEN regexp_like(max(message), '(?i)no match for platform|exec format') THEN 'other platform'
    ELSE 'see the example'
  END AS why,
  substr(max(message), 1, 500) AS example
FROM told
GROUP BY namespace, image
ORDER BY pods DESC, tries DESC, namespace, image
