# title: Cost by namespace
# question: What did CloudWatch Logs charge for taking the lines of each log group, one a namespace?
# asks: cost/by_namespace
# reads: lines
fields (strlen(@message) + 26) / 1073741824 as gb
| stats count(*) as lines, sum(gb) as ingested_gb, sum(gb * 0.5) as ingest_usd, sum(gb * 0.005) as usd_a_question_over_all by @log
| sort ingest_usd desc
