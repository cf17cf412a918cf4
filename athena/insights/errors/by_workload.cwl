# title: Errors by workload
# question: Which workloads logged errors, how many, and what was the last one?
# asks: errors/by_workload
# reads: lines
filter level in ["error", "fatal"]
| fields coalesce(workload, @logStream) as writer
| stats count(*) as errors, latest(message) as last_error, max(@timestamp) as last_ts by @log, writer
| sort errors desc
| limit 100
