# title: Services of a trace
# question: Which workloads took part in one trace, when, and with how many lines?
# asks: traces/services
# reads: lines
filter trace_id = "WRITE THE TRACE ID HERE"
| fields coalesce(workload, @logStream) as writer
| stats count(*) as lines, min(@timestamp) as first_ts, max(@timestamp) as last_ts by @log, writer
| sort first_ts asc
