# title: Lines of a trace
# question: What did every service say while it worked on one trace, in order?
# asks: traces/lines
# reads: lines
filter trace_id = "WRITE THE TRACE ID HERE"
| fields @timestamp, @log, @logStream, workload, span_id, level, message
| sort @timestamp asc
| limit 1000
