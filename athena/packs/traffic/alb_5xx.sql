-- title: 5xx of load balancers
-- question: Which requests did an Application Load Balancer answer with 5xx, by path: the target, or it itself?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH entries AS (  -- up to the request no field holds a blank
  SELECT
    coalesce(ts, ingest_ts) AS moment, message,
    split_part(message, ' ', 3) AS elb,
    regexp_like(
      message, '^(?:[^ ]+ ){5}(?:(?:-1|[0-9.]+) ){3}(?:(?:[0-9]{3}|-) ){2}[0-9]+ [0-9]+ "[^ ]+ .+" "'
    ) AS whole,
    split_part(message, ' ', 5) AS target,
    split_part(message, ' ', 9) AS elb_status,
    split_part(message, ' ', 10) AS target_status
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND regexp_like(message, '^(?:https?|h2|grpcs|wss?) 2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z app/')
),
answers AS (
  SELECT
    elb,
    CASE
      WHEN NOT whole THEN 'unparsed' WHEN elb_status NOT LIKE '5%' THEN 'other'
      WHEN target_status LIKE '5%' THEN 'target' ELSE 'load balancer'
    END AS answered_by,
    CASE WHEN whole AND elb_status LIKE '5%' THEN elb_status END AS status,
    CASE WHEN whole AND elb_status LIKE '5%' THEN regexp_extract(
      message, '^[^"]*"[^ ]+ (?:[a-z]+://[^/ ?"]*)?([^ ?"]*)', 1
    ) END AS path,
    CASE WHEN whole THEN nullif(target, '-') END AS target, moment, message
  FROM entries
),
counted AS (
  SELECT
    elb, answered_by, status, path, count(*) AS requests, count(DISTINCT target) AS targets,
    min(moment) AS first_seen, max(moment) AS last_seen, min(message) AS example
  FROM answers
  GROUP BY elb, answered_by, status, path
),
shared AS (
  SELECT *, round(1e2 * requests / sum(requests) OVER (PARTITION BY elb), 2) AS percent
  FROM counted
)
SELECT
  elb, answered_by, status, path, requests, percent, targets, first_seen, last_seen,
  nullif(regexp_extract(example, '"(?:Self=[^;"]*;)?Root=([^;"]+)', 1), '') AS trace_id,
  nullif(regexp_extract(example, '" "(.*)" [A-Z0-9_-]+ (?:TLSv[0-9.]+|SSLv[0-9.]+|-) (?:arn:|-)', 1), '') AS user_agent
FROM shared
WHERE answered_by <> 'other'
ORDER BY requests DESC, elb, answered_by, status, path
LIMIT @limit
