-- title: Top talkers at Envoy
-- question: Which clients sent most requests through Envoy (App Mesh, Istio, Gateway), and what did they get?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH entries AS (  -- Envoy's default text, with what Istio adds to it, or JSON with the usual names
  SELECT
    message,
    strpos(message, '"response_flags"') > 0 AS is_json,
    regexp_extract(
      message, '^\[2[^\]]*\] ".*?" ([0-9]{1,3} [^ ]+(?: [^ ]+ [^ ]+ "[^"]*")? [0-9]+ [0-9]+ [0-9]+ [0-9-]+) "', 1
    ) AS numbers
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND (regexp_like(message, '^\[2[0-9T:.-]+Z\] "') OR strpos(message, '"response_flags"') > 0)
),
answers AS (
  SELECT
    CASE WHEN is_json THEN json_extract_scalar(message, '$.response_code')
      ELSE split_part(numbers, ' ', 1) END AS status,
    try_cast(CASE WHEN is_json THEN json_extract_scalar(message, '$.bytes_sent')
      ELSE regexp_extract(numbers, '([0-9]+) [0-9]+ [0-9-]+$', 1) END AS bigint) AS sent,
    CASE WHEN is_json THEN coalesce(
        nullif(nullif(regexp_extract(message, '"x[-_]forwarded[-_]for"\s*:\s*"([^"]*)"', 1), ''), '-'),
        regexp_replace(json_extract_scalar(message, '$.downstream_remote_address'), ':[0-9]+$', '')
      ) ELSE regexp_extract(message, '[0-9] [0-9-]+ "([^"]*)" "', 1) END AS forwarded,
    CASE WHEN is_json THEN regexp_extract(message, '"user[-_]agent"\s*:\s*"([^"]*)', 1)
      ELSE regexp_extract(message, '[0-9] [0-9-]+ "[^"]*" "(.*)" "[^"]*" "[^"]*" "[^"]*"[^"]*$', 1) END AS user_agent
  FROM entries
),
clients AS (
  SELECT
    CASE WHEN nullif(status, '') IS NULL THEN '(unparsed)'
      ELSE coalesce(nullif(nullif(split_part(forwarded, ',', 1), ''), '-'), '(not told)') END AS client,
    coalesce(status, '') AS status, sent, nullif(user_agent, '') AS user_agent
  FROM answers
)
SELECT
  client,
  count(*) AS requests,
  round(1e2 * count(*) / sum(count(*)) OVER (), 1) AS percent,
  count_if(status LIKE '4%') AS status_4xx,
  count_if(status LIKE '5%') AS status_5xx,
  CAST(sum(sent) AS bigint) AS sent_bytes,
  min(user_agent) AS user_agent
FROM clients
GROUP BY client
ORDER BY requests DESC, client
LIMIT @limit
