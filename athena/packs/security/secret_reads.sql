-- title: Reads of secrets
-- question: Who read secrets, how often, was it allowed, and which one for example?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end";
--   caller text = % "LIKE pattern of the user";
--   source text = %audit% "LIKE pattern of the container, unit or file with the audit log; % is much slower"
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
    json_extract_scalar(message, '$.sourceIPs[0]') AS source_ip
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"ResponseComplete"') > 0
    AND strpos(message, '"secrets"') > 0
)
SELECT
  caller, namespace, verb,
  count(*) AS reads,
  count_if(code >= 400) AS refused,
  min(name) AS example,
  min(source_ip) AS source_ip,
  min(ts) AS first_ts,
  max(ts) AS last_ts
FROM calls
WHERE resource = 'secrets'
  AND verb IN ('get', 'list', 'watch')
  AND caller LIKE @caller
GROUP BY caller, namespace, verb
ORDER BY reads DESC, caller, namespace, verb
