# title: Levels
# question: How many lines of each level does each workload write?
# asks: errors/by_level
# reads: lines
fields coalesce(workload, @logStream) as writer
| stats count(*) as lines by @log, writer, level
| sort lines desc
| limit 200
