-- title: Status by path of nginx
-- question: What did nginx (or Apache) answer by path, from access logs in the common or combined format?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH entries AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload,
    regexp_extract(message, '\] "[A-Z]+ ([^ ?"]*).*?" [0-9]{3} [0-9-]+', 1) AS path,
    regexp_extract(message, '\] ".*?" ([0-9]{3}) ([0-9]+|-)', 1) AS status,  -- the request may be no HTTP at all
    try_cast(regexp_extract(message, '\] ".*?" ([0-9]{3}) ([0-9]+|-)', 2) AS bigint) AS sent,
    split_part(message, ' ', 1) AS client
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
    AND regexp_like(message, '^[^ ]+ [^ ]+ [^ ]+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:')
)
SELECT
  namespace,
  workload,
  CASE WHEN nullif(status, '') IS NULL THEN '(unparsed)' ELSE coalesce(nullif(path, ''), '(no HTTP)') END AS path,
  count(*) AS requests,
  count_if(status LIKE '2%') AS status_2xx,
  count_if(status LIKE '3%') AS status_3xx,
  count_if(status LIKE '4%') AS status_4xx,
  count_if(status LIKE '5%') AS status_5xx,
  round(1e2 * count_if(status LIKE '5%') / count(*), 1) AS failed_percent,
  count(DISTINCT client) AS clients,
  CAST(sum(sent) AS bigint) AS sent_bytes
FROM entries
GROUP BY 1, 2, 3
ORDER BY status_5xx DESC, requests DESC, namespace, workload, path
LIMIT @limit
