"""cluster: what the API server says of events and pods in; rows of `events`, `pods` and `logs` out. One for a cluster.

    lease.py      who of several is the active one, and from which position on the next one goes
    watching.py   the watches of events, pods and namespaces, in threads, to one queue
    event.py      a Kubernetes event's JSON to a row
    states.py     a pod's JSON to its containers' states; states to rows, where they changed
    capture.py    the queue to spool files and a position (logs/feed.py): both or none; the agent's inlet
    pipeline.py   a block of those files to batches of the tables
    reports.py    annotations that make no sense to Kubernetes events
    run.py        the process

The spool files are log files: the log agent reads, delivers and commits them as any others. Who loses the Lease takes
nothing in any more, but still delivers what it has.
"""
