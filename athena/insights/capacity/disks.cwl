# title: Disks of nodes
# question: Which file systems of nodes are nearly full?
# asks: capacity/disks
# reads: performance
filter Type = "NodeFS"
| stats max(node_filesystem_utilization) as percent by NodeName, device
| sort percent desc
| limit 50
