-- title: Who calls the API server
-- question: Which programs call the API server most, what do they fail at, and which of their LISTs are slow?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end";
--   slow_ms integer = 1000 "a LIST that takes longer is slow";
--   source text = %audit% "LIKE pattern of the container, unit or file with the audit log; % is much slower";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH calls AS (  -- one line a call: the API server tells of its stages
  SELECT
    ts,
    json_extract_scalar(message, '$.userAgent') AS user_agent,
    json_extract_scalar(message, '$.user.username') AS caller,
    json_extract_scalar(message, '$.verb') AS verb,
    json_extract_scalar(message, '$.requestURI') AS uri,
    try_cast(json_extract_scalar(message, '$.responseStatus.code') AS integer) AS code,
    try_cast(
      substr(replace(json_extract_scalar(message, '$.requestReceivedTimestamp'), 'T', ' '), 1, 23) AS timestamp
    ) AS received,
    try_cast(
      substr(replace(json_extract_scalar(message, '$.stageTimestamp'), 'T', ' '), 1, 23) AS timestamp
    ) AS answered
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"ResponseComplete"') > 0
    AND message LIKE '%}'  -- not cut off: of half a JSON text Trino reads the fields before the cut, DuckDB none
),
timed AS (  -- a watch lasts as long as somebody listens
  SELECT
    *,
    CASE WHEN verb <> 'watch' THEN round(1e3 * (to_unixtime(answered) - to_unixtime(received))) END AS ms
  FROM calls
  WHERE verb IS NOT NULL  -- else it is no JSON
)
SELECT
  user_agent,
  count(DISTINCT caller) AS callers,
  min(caller) AS one_caller,
  count(*) AS calls,
  round(1e2 * count(*) / sum(count(*)) OVER (), 1) AS percent,
  count_if(code >= 400) AS failed,
  count_if(verb = 'list') AS lists,
  count_if(verb = 'list' AND ms > @slow_ms) AS slow_lists,
  max(CASE WHEN verb = 'list' THEN ms END) AS slowest_list_ms,
  max_by(uri, CASE WHEN verb = 'list' THEN ms END) AS slowest_list
FROM timed
GROUP BY user_agent
ORDER BY calls DESC, user_agent
LIMIT @limit
