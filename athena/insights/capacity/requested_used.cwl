# title: Requested and used
# question: Which containers use far less, or more, memory than they request?
# asks: capacity/requested_used
# reads: performance
filter Type = "Container" and ispresent(container_memory_request)
| stats max(container_memory_working_set) as most_used, max(container_memory_request) as requested by Namespace, FullPodName, ContainerName
| sort requested desc
| limit 100
