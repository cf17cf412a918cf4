-- title: Changes of rights
-- question: Who made, changed or deleted roles and bindings, for whom, from where, and was it allowed?
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
    json_extract_scalar(message, '$.objectRef.apiGroup') AS api_group,
    json_extract_scalar(message, '$.requestObject.roleRef.name') AS role,
    json_extract_scalar(message, '$.requestObject.subjects[0].name') AS granted_to,
    json_extract_scalar(message, '$.userAgent') AS user_agent
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"ResponseComplete"') > 0
    AND strpos(message, 'rbac.authorization.k8s.io') > 0
)
SELECT ts, caller, verb, resource, namespace, name, role, granted_to, code, source_ip, user_agent
FROM calls
WHERE api_group = 'rbac.authorization.k8s.io'
  AND verb IN ('create', 'update', 'patch', 'delete', 'deletecollection')
ORDER BY ts DESC, caller, verb, resource, namespace, name
LIMIT @limit
