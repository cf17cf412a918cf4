# title: Waste
# question: How many debug and trace lines does each workload write, and what did taking them cost?
# asks: cost/waste
# reads: lines
filter level in ["trace", "debug"]
| fields coalesce(workload, @logStream) as writer, (strlen(@message) + 26) / 1073741824 as gb
| stats count(*) as lines, sum(gb) as ingested_gb, sum(gb * 0.5) as ingest_usd by @log, writer
| sort ingest_usd desc
| limit 100
