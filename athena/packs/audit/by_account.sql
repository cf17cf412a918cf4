-- title: Where the bytes went
-- question: How many bytes of each namespace were delivered, filtered, sampled, throttled, truncated, abandoned?
-- params: from timestamp = now - 24h "sealed since then"; to timestamp = now "sealed until then";
--   whose text = % "LIKE pattern of the namespace, of the node itself of the unit or file"
-- engines: athena, trino, duckdb
WITH files AS (
  SELECT
    coalesce(nullif(regexp_extract(path, '/pods/([^/_]+)_[^/]+/', 1), ''), container) AS whose,
    account, reason, file, to_offset - from_offset AS bytes, lines
  FROM ledger
  WHERE @window
    AND NOT @refused(reason)  -- delivered has them
)
SELECT
  whose,  -- a namespace; of the node itself the unit or the file
  account, reason,
  count(DISTINCT file) AS files,
  CAST(sum(lines) AS bigint) AS lines,
  CAST(sum(bytes) AS bigint) AS bytes,
  round(1e2 * sum(bytes) / sum(sum(bytes)) OVER (PARTITION BY whose), 1) AS percent
FROM files
WHERE whose LIKE @whose
GROUP BY whose, account, reason
ORDER BY whose, bytes DESC, account, reason
