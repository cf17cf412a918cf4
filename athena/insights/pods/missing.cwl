# title: Containers that do not run
# question: Which pods have fewer running containers than they should have?
# asks: nothing
# reads: performance
filter Type = "Pod"
| stats max(pod_number_of_containers) as wanted, min(pod_number_of_running_containers) as running by Namespace, FullPodName
| filter running < wanted
| sort Namespace asc, FullPodName asc
