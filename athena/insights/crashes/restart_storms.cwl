# title: Restarts
# question: Which workloads restarted, and how often?
# asks: crashes/restart_storms
# reads: performance
filter Type = "Pod"
| stats sum(pod_number_of_container_restarts) as restarts by Namespace, PodName
| filter restarts > 0
| sort restarts desc
