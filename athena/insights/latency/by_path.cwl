# title: Latency by path
# question: How long did requests take, by path, from the durations in JSON log lines?
# asks: latency/by_path
# reads: lines
filter message like /"(duration_ms|latency_ms|elapsed_ms)"/
| fields jsonParse(message) as json
| fields coalesce(json.path, json.route, json.uri, json.url) as path, coalesce(json.duration_ms, json.latency_ms, json.elapsed_ms) as ms
| filter ispresent(path) and ispresent(ms)
| stats count(*) as requests, pct(ms, 50) as p50_ms, pct(ms, 95) as p95_ms, pct(ms, 99) as p99_ms, max(ms) as max_ms by path
| sort p95_ms desc
| limit 50
