"""insights: looks in, the performance events of CloudWatch Container Insights (the classic ones) out.

    look.py      the samples of one look, by name; rates between two looks
    node.py      the events Node, NodeFS, NodeDiskIO, NodeNet
    pods.py      what there is in a look of each pod and container
    workloads.py the events Pod, PodNet, Container, ContainerFS
    event.py     fields to an event's text: dimension sets, units, the envelope

A node tells of itself and its pods. Cluster, ClusterService and ClusterNamespace are of the whole cluster, which no
node knows; CloudWatch would add the nodes' parts up only in some statistics, so they are left out here.
"""
