-- title: Refused calls
-- question: Whose calls did the API server refuse (401, 403), of what, how often and since when?
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
    json_extract_scalar(message, '$.userAgent') AS user_agent
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"ResponseComplete"') > 0
)
SELECT
  caller, verb, resource, namespace, code,
  count(*) AS calls,
  min(name) AS example,
  min(source_ip) AS source_ip,
  min(user_agent) AS user_agent,
  min(ts) AS first_ts,
  max(ts) AS last_ts
FROM calls
WHERE code IN (401, 403)
GROUP BY caller, verb, resource, namespace, code
ORDER BY calls DESC, caller, verb, resource, namespace, code
LIMIT @limit
