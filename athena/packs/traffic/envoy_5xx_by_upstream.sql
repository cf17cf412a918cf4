-- title: 5xx by Envoy's upstream
-- question: Which upstreams of Envoy (App Mesh, Istio, Gateway) gave 5xx, why, and in what share of their requests?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH entries AS (  -- Envoy's default text, with what Istio adds to it, or JSON with the usual names
  SELECT
    coalesce(ts, ingest_ts) AS moment, message,
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
    moment, message,
    CASE WHEN is_json THEN json_extract_scalar(message, '$.response_code')
      ELSE split_part(numbers, ' ', 1) END AS status,
    CASE WHEN is_json THEN json_extract_scalar(message, '$.response_flags')
      ELSE split_part(numbers, ' ', 2) END AS flags,
    CASE WHEN is_json THEN coalesce(
        nullif(json_extract_scalar(message, '$.upstream_cluster'), '-'), json_extract_scalar(message, '$.upstream_host')
      ) ELSE coalesce(
        nullif(nullif(regexp_extract(message, '"(?:[^" ]*)" ([^" ]+) [^"]*$', 1), ''), '-'),
        regexp_extract(message, '"([^" ]*)"[^"]*$', 1)
      ) END AS upstream,
    try_cast(CASE WHEN is_json THEN json_extract_scalar(message, '$.duration')
      ELSE regexp_extract(numbers, '([0-9]+) [0-9-]+$', 1) END AS double) AS ms
  FROM entries
),
counted AS (
  SELECT
    CASE WHEN nullif(status, '') IS NULL THEN '(unparsed)'
      ELSE coalesce(nullif(upstream, '-'), '(none)') END AS upstream,
    CASE WHEN status LIKE '5%' THEN status END AS status,
    CASE WHEN status LIKE '5%' THEN coalesce(flags, '-') END AS flags,
    count(*) AS requests, round(max(ms), 1) AS max_ms, min(moment) AS first_seen, max(moment) AS last_seen,
    substr(min(message), 1, 1000) AS example
  FROM answers
  GROUP BY 1, 2, 3
),
shared AS (
  SELECT *, round(1e2 * requests / sum(requests) OVER (PARTITION BY upstream), 1) AS percent
  FROM counted
)
SELECT
  upstream, status, flags,
  CASE regexp_extract(flags, '^[A-Z]+')
    WHEN 'UH' THEN 'no healthy upstream' WHEN 'UF' THEN 'connection to the upstream failed'
    WHEN 'UO' THEN 'circuit breaker open' WHEN 'NR' THEN 'no route' WHEN 'NC' THEN 'no such cluster'
    WHEN 'UT' THEN 'upstream timed out' WHEN 'URX' THEN 'retries used up'
    WHEN 'UC' THEN 'upstream closed the connection'
    WHEN 'UR' THEN 'upstream reset' WHEN 'LR' THEN 'local reset' WHEN 'DC' THEN 'client went away'
    WHEN 'FI' THEN 'injected fault' WHEN 'SI' THEN 'idle timeout' WHEN 'UAEX' THEN 'denied by authorization'
    ELSE CASE WHEN flags = '-' THEN 'the upstream said so' ELSE flags END
  END AS reason,
  requests, percent, max_ms, first_seen, last_seen, example
FROM shared
WHERE status IS NOT NULL
  OR upstream = '(unparsed)'
ORDER BY requests DESC, upstream, status, flags
LIMIT @limit
