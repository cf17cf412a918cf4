"""tailrace: container logs to Parquet that Athena can query a minute later.

A map of the package, in the order in which a line travels through it:

    logs/       source → parse → promote → enrich → transform; agent.py wires them, run.py is the process
                deliver, intents, recover: from a sealed object to the commit, and what a crash leaves of it
    delivery/   objects (open → sealed), the outbox on disk, and the sinks that take them
    kube/       what is known of pods: one LIST and one WATCH, or the kubelet
    cluster/    the cluster agent: Kubernetes events and what became of pods
    metrics/    the exporter: node, containers, pods
    ecs.py      who a container in a task of ECS is
    health.py   /metrics, /healthz, /readyz
    query/      question packs over the lake, on DuckDB, Athena or Trino; its tables; its compaction
    console/    what a person runs at a terminal: demo, top, tap, doctor, report, estimate
    durable.py  files that are whole after a crash
    lake.py     every table and column, once
    config/     every setting, once
    cli.py      commands: parse, call one function, print

Imports go one way: config, lake ← delivery, kube ← logs ← cluster, metrics, query, console ← cli.
"""

__version__ = "0.1.0"
