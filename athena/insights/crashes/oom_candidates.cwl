# title: Out of memory
# question: Which containers were last ended for want of memory, and how near their limit are they now?
# asks: crashes/oom_candidates
# reads: performance
filter Type = "Container" and container_last_termination_reason = "OOMKilled"
| stats max(container_memory_utilization_over_container_limit) as percent_of_limit, max(@timestamp) as last_ts by Namespace, FullPodName, ContainerName
| sort percent_of_limit desc
