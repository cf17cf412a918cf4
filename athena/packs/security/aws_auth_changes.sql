-- title: Changes of aws-auth
-- question: Who changed which AWS roles and users may enter the cluster, when, and to what?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end";
--   source text = %audit% "LIKE pattern of the container, unit or file with the audit log; % is much slower";
--   limit integer = 1000 "rows"
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
    json_extract_scalar(message, '$.requestObject.data.mapRoles') AS map_roles,
    json_extract_scalar(message, '$.requestObject.data.mapUsers') AS map_users,
    json_extract_scalar(message, '$.userAgent') AS user_agent
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"ResponseComplete"') > 0
    AND strpos(message, '"aws-auth"') > 0
)
SELECT  -- access entries are made through AWS's own API, and are in CloudTrail
  ts, caller, verb, code, substr(map_roles, 1, 2000) AS map_roles, substr(map_users, 1, 2000) AS map_users, source_ip,
  user_agent
FROM calls
WHERE resource = 'configmaps'
  AND namespace = 'kube-system'
  AND name = 'aws-auth'
  AND verb IN ('create', 'update', 'patch', 'delete')
ORDER BY ts DESC, caller, verb
LIMIT @limit
