# title: CPU of nodes
# question: How busy is each node?
# asks: nodes/usage
# reads: performance
filter Type = "Node"
| stats avg(node_cpu_utilization) as cpu_percent, max(node_memory_utilization) as memory_percent by NodeName
| sort cpu_percent desc
