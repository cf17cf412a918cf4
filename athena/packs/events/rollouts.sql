-- title: Rollouts
-- question: When did which workload's containers change their image, from what to what, and how often did they fail
--   since?
-- params: namespace text = % "LIKE pattern"; workload text = % "LIKE pattern"; from timestamp = now - 24h "start";
--   to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH starts AS (  -- when a pod was first seen with an image
  SELECT
    namespace, coalesce(workload, pod) AS workload, container, image, pod, min(coalesce(start_ts, ts)) AS ts,
    count(DISTINCT CASE WHEN exit_code <> 0 THEN end_ts END) AS ends
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND coalesce(workload, pod) LIKE @workload
    AND container IS NOT NULL
    AND image IS NOT NULL
    AND phase <> 'Deleted'
  GROUP BY namespace, coalesce(workload, pod), container, image, pod
),
ordered AS (
  SELECT *, lag(image) OVER (PARTITION BY namespace, workload, container ORDER BY ts, pod, image) AS image_before
  FROM starts
),
numbered AS (  -- an image that comes back is another rollout
  SELECT
    *, sum(CASE WHEN image = image_before THEN 0 ELSE 1 END) OVER (
      PARTITION BY namespace, workload, container ORDER BY ts, pod, image ROWS UNBOUNDED PRECEDING
    ) AS rollout
  FROM ordered
)
SELECT
  min(ts) AS ts, namespace, workload, container,
  min(CASE WHEN image <> image_before THEN image_before END) AS image_before, image,
  count(*) AS pods, max(ts) AS last_pod_ts, CAST(sum(ends) AS bigint) AS failed_ends
FROM numbered
GROUP BY namespace, workload, container, rollout, image
HAVING min(CASE WHEN image <> image_before THEN image_before END) IS NOT NULL
ORDER BY ts, namespace, workload, container
