-- title: Exec into pods
-- question: Who went into which pod (exec, attach, port-forward), with what command, and how long?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end";
--   source text = %audit% "LIKE pattern of the container, unit or file with the audit log; % is much slower";
--   limit integer = 1000 "rows"
-- engines: athena, trino, duckdb
WITH calls AS (  -- a stage of a call a line: it begins, and ends when the session does
  SELECT
    ts,
    json_extract_scalar(message, '$.auditID') AS audit_id,
    json_extract_scalar(message, '$.user.username') AS caller,
    json_extract_scalar(message, '$.objectRef.subresource') AS what,
    json_extract_scalar(message, '$.objectRef.namespace') AS namespace,
    json_extract_scalar(message, '$.objectRef.name') AS name,
    json_extract_scalar(message, '$.requestURI') AS uri,
    try_cast(json_extract_scalar(message, '$.responseStatus.code') AS integer) AS code,
    json_extract_scalar(message, '$.sourceIPs[0]') AS source_ip
  FROM logs
  WHERE @window
    AND container LIKE @source
    AND strpos(message, '"audit.k8s.io/') > 0  -- cheap, before any JSON is parsed
    AND strpos(message, '"pods"') > 0
)
SELECT
  min(ts) AS begun,
  CASE WHEN max(ts) > min(ts) THEN max(ts) END AS ended,
  caller, what, namespace, name AS pod,
  min(url_decode(nullif(regexp_extract(uri, '[?&]container=([^&]*)', 1), ''))) AS container,
  min(url_decode(replace(nullif(array_join(regexp_extract_all(uri, '[?&]command=([^&]*)', 1), ' '), ''), '+', ' ')))
    AS command,
  max(code) AS code,  -- 101: the session was opened
  min(source_ip) AS source_ip
FROM calls
WHERE what IN ('exec', 'attach', 'portforward')
GROUP BY audit_id, caller, what, namespace, name
ORDER BY begun DESC, caller, namespace, pod
LIMIT @limit
