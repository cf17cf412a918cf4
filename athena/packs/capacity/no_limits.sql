-- title: Without requests or limits
-- question: Which containers run without a request or a limit of CPU or memory?
-- params: namespace text = % "LIKE pattern";
--   from timestamp = now - 7d "a container's last state since then counts: one that has not changed since is not seen";
--   to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH states AS (
  SELECT
    namespace, workload, pod, pod_uid, container, phase, requests, limits,
    row_number() OVER (PARTITION BY pod_uid, container ORDER BY ts DESC, resource_version DESC) AS place
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND container IS NOT NULL
),
lacking AS (
  SELECT
    namespace, coalesce(workload, pod) AS workload, pod, container,
    json_extract_scalar(requests, '$.cpu') AS cpu_request, json_extract_scalar(limits, '$.cpu') AS cpu_limit,
    json_extract_scalar(requests, '$.memory') AS memory_request, json_extract_scalar(limits, '$.memory') AS memory_limit
  FROM states
  WHERE place = 1
    AND phase NOT IN ('Deleted', 'Succeeded', 'Failed')
),
counted AS (
  SELECT
    namespace, workload, container, count(*) AS containers, max(cpu_request) AS cpu_request,
    max(memory_request) AS memory_request, max(cpu_limit) AS cpu_limit, max(memory_limit) AS memory_limit
  FROM lacking
  WHERE cpu_request IS NULL
    OR memory_request IS NULL
    OR cpu_limit IS NULL
    OR memory_limit IS NULL
  GROUP BY namespace, workload, container
)
SELECT
  namespace, workload, container, containers, cpu_request, memory_request, cpu_limit, memory_limit,
  CASE
    WHEN memory_limit IS NULL THEN 'may take the node''s memory: set a memory limit'
    WHEN memory_request IS NULL OR cpu_request IS NULL THEN 'scheduled blindly: set requests'
    ELSE 'may take the node''s CPU: no harm if its neighbours have requests'
  END AS what_to_do
FROM counted
ORDER BY
  CASE WHEN memory_limit IS NULL THEN 0 WHEN memory_request IS NULL OR cpu_request IS NULL THEN 1 ELSE 2 END,
  containers DESC, namespace, workload, container
