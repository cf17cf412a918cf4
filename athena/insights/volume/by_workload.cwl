# title: Volume by workload
# question: Which workloads wrote how many lines and characters?
# asks: volume/by_workload
# reads: lines
fields coalesce(workload, @logStream) as writer
| stats count(*) as lines, sum(strlen(@message)) as characters by @log, writer
| sort characters desc
| limit 100
