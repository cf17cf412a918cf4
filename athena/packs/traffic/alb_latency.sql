-- title: Latency behind load balancers
-- question: How long did targets take behind an Application Load Balancer, by path, and how often did none answer?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH entries AS (  -- up to the request no field holds a blank
  SELECT
    split_part(message, ' ', 3) AS elb,
    CASE
      WHEN regexp_like(message, '^(?:[^ ]+ ){5}(?:(?:-1|[0-9.]+) ){3}(?:(?:[0-9]{3}|-) ){2}[0-9]+ [0-9]+ "[^ ]+ .+" "')
      THEN regexp_replace(
        regexp_extract(message, '^[^"]*"[^ ]+ (?:[a-z]+://[^/ ?"]*)?([^ ?"]*)', 1),
        '/(?:[0-9]+|[0-9a-f-]{16,})\b', '/:id'
      )
    END AS route,
    1e3 * try_cast(split_part(message, ' ', 7) AS double) AS target_ms,  -- -1: no target, or it did not answer
    1e3 * try_cast(split_part(message, ' ', 6) AS double) AS queued_ms
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND regexp_like(message, '^(?:https?|h2|grpcs|wss?) 2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z app/')
)
SELECT
  elb,
  coalesce(route, '(unparsed)') AS route,
  count(*) AS requests,
  count_if(coalesce(target_ms, 0) < 0) AS no_answer,
  round(approx_percentile(CASE WHEN target_ms >= 0 THEN target_ms END, 0.5), 1) AS p50_ms,
  round(approx_percentile(CASE WHEN target_ms >= 0 THEN target_ms END, 0.95), 1) AS p95_ms,
  round(approx_percentile(CASE WHEN target_ms >= 0 THEN target_ms END, 0.99), 1) AS p99_ms,
  round(max(CASE WHEN target_ms >= 0 THEN target_ms END), 1) AS max_ms,
  round(max(CASE WHEN queued_ms >= 0 THEN queued_ms END), 1) AS max_queued_ms
FROM entries
GROUP BY elb, route
ORDER BY coalesce(approx_percentile(CASE WHEN target_ms >= 0 THEN target_ms END, 0.95), -1) DESC, elb, route
LIMIT @limit
