# title: Slowest requests
# question: Which requests took longest, from the durations in JSON log lines?
# asks: latency/slowest
# reads: lines
filter message like /"(duration_ms|latency_ms|elapsed_ms)"/
| fields jsonParse(message) as json
| fields @timestamp, @log, @logStream, trace_id, coalesce(json.path, json.route, json.uri, json.url) as path, coalesce(json.duration_ms, json.latency_ms, json.elapsed_ms) as ms
| filter ispresent(ms)
| sort ms desc
| limit 20
