# title: Traces with errors
# question: Which traces have errors, how many, and what was the last one?
# asks: traces/errors
# reads: lines
filter level in ["error", "fatal"] and ispresent(trace_id)
| stats count(*) as errors, count_distinct(@log) as groups, latest(message) as last_error, min(@timestamp) as first_ts by trace_id
| sort errors desc
| limit 50
