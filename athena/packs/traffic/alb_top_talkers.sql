-- title: Top talkers at load balancers
-- question: Which clients sent most requests to an Application Load Balancer, and what did they get?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH entries AS (  -- up to the request no field holds a blank
  SELECT
    CASE
      WHEN regexp_like(message, '^(?:[^ ]+ ){5}(?:(?:-1|[0-9.]+) ){3}(?:(?:[0-9]{3}|-) ){2}[0-9]+ [0-9]+ "[^ ]+ .+" "')
      THEN regexp_replace(split_part(message, ' ', 4), ':[0-9]+$', '')
    END AS client,
    split_part(message, ' ', 9) AS status,
    try_cast(split_part(message, ' ', 11) AS bigint) AS received,
    try_cast(split_part(message, ' ', 12) AS bigint) AS sent,
    message
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND regexp_like(message, '^(?:https?|h2|grpcs|wss?) 2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z app/')
)
SELECT
  coalesce(client, '(unparsed)') AS client,
  count(*) AS requests,
  round(1e2 * count(*) / sum(count(*)) OVER (), 1) AS percent,
  count_if(status LIKE '4%') AS status_4xx,
  count_if(status LIKE '5%') AS status_5xx,
  CAST(sum(received) AS bigint) AS received_bytes,
  CAST(sum(sent) AS bigint) AS sent_bytes,
  nullif(
    regexp_extract(min(message), '" "(.*)" [A-Z0-9_-]+ (?:TLSv[0-9.]+|SSLv[0-9.]+|-) (?:arn:|-)', 1), ''
  ) AS user_agent
FROM entries
GROUP BY client
ORDER BY requests DESC, client
LIMIT @limit
