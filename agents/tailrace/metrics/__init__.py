"""metrics: the node's /proc, /sys, cgroups and pods in, metrics under the names dashboards query, out.

    host.py          the node's root folder; collector.py: what a collector is; collectors/: one file a subject
    wired.py         all collectors of a run: the node's, and those of what runs on it (around.py)
    described.py     a family's name, type, help; labels.py: a sample's labels, rendered once
    scrape.py        all collectors to one list of metrics, each timed; what fails, fails alone
    exposition.py    metrics to Prometheus' text and OpenMetrics
    server.py        /metrics, /healthz, /readyz
    pods.py          what is known of this node's pods
    writers/         metrics to where nobody scrapes, one file a destination; interval.py: when
    page.py          docs/exporter.md
    chosen.py        the settings to the writers of a run
    run.py           `tailrace run metrics`

No pyarrow in this process unless the lake's writer is on.
"""
