"""kube: the Kubernetes API in, what is known of this node's pods out. Reading logs never waits for it.

    metadata.py     the answers: of(uid), steering(uid, namespace), waits(uid, now); what the log half asks
    known.py        the pods and namespaces that are known, and for how long after they are gone
    cache.py        the same on disk, so that a restart knows them at once
    upkeep.py       threads that keep it up to date: two watches, or the kubelet every few seconds
    watch.py        LIST and WATCH of one resource; course.py says what is asked when
    items.py        the items of a list while its bytes come in
    pod.py          a pod's JSON to what lines carry of it
    access.py       requests to a server; login.py and kubeconfig.py: who we are; trouble.py: what went wrong, in words

One LIST and one WATCH per resource and agent, never a GET per pod.
"""
