-- title: Anonymous calls
-- question: What was asked of the API server without a name, from where, and what of it was answered?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end";
--   source text = %audit% "LIKE pattern of the container, unit or file with the audit log; % is much slower";
--   limit integer = 100 "rows"
-- engines: athena, trino, duckdb
WITH calls AS (  -- one line a call: the API server tells of its stages
  SELECT
    ts,
    json_extract_scalar(message, '$.user.username') AS caller,
    json_extract_scalar(message, '$.verb') AS verb,
    json_extract_scalar(message, '$.objectRef.resource') AS resource,
    json_extract_scalar(message, '$.objectRef.namespace') AS namespace,
    json_extract_scalar(message, '$.objectRef.name') AS name,
    try_cast(json_extract_scalar(message, '$.responseStatus.code') AS integer) AS code,
    json_extract_scalar(message, '$.sourceIPs[0]') AS source_ip,
    regexp_replace(json_extract_scalar(message, '$.requestURI'), '[?].*$', '') AS path,
    json_extract_scalar(message, '$.userAgent') AS user_agent
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"ResponseComplete"') > 0
    AND strpos(message, '"system:anonymous"') > 0
)
SELECT
  source_ip, verb, path, code,
  CASE WHEN code < 400 THEN 'answered' ELSE 'refused' END AS outcome,  -- /livez, /readyz and /version usually are
  count(*) AS calls,
  min(user_agent) AS user_agent,
  min(ts) AS first_ts,
  max(ts) AS last_ts
FROM calls
WHERE caller = 'system:anonymous'
GROUP BY source_ip, verb, path, code
ORDER BY CASE WHEN code < 400 THEN 0 ELSE 1 END, calls DESC, source_ip, verb, path, code
LIMIT @limit
