"""cost: what logging costs and whose it is, for those who run the cluster; from the lake, on a laptop, too."""

from __future__ import annotations

from dashboards.panels import Dashboard, Panel, Row, Sql, Typed

NAMESPACE = ("namespace", "$namespace")

COST = Dashboard(
    "cost", "Cost", "What does logging cost a month, and whose cost is it?", "cluster",
    (
        Typed("namespace", "%", "a LIKE pattern: % is all"),
        Typed("label", "team", "the pods' label that names the team"),
    ),
    laptop=True,
    rows=(
        Row("A month, at the pace of this window", (
            Panel("Ways compared", "What would the same lines cost straight to S3, through Firehose, in CloudWatch?",
                  (Sql("cost/compared", (NAMESPACE,)),), kind="table", width=24),
            Panel("By team", "What does each team's logging cost?",
                  (Sql("cost/by_team", (NAMESPACE, ("label", "$label"))),), kind="table"),
            Panel("By namespace", "What does each namespace's logging cost?",
                  (Sql("cost/by_namespace", (NAMESPACE,)),), kind="table"),
            Panel("By workload", "What does each workload's logging cost?",
                  (Sql("cost/by_workload", (NAMESPACE,)),), kind="table"),
            Panel("Waste", "What would a filter for debug lines and a sample of repeated ones save?",
                  (Sql("cost/waste", (NAMESPACE,)),), kind="table"),
        )),
        Row("Where it comes from", (
            Panel("Volume over time", "When was how much written, and in which of the largest namespaces?",
                  (Sql("volume/over_time", (("seconds", "900"),), ("stretch_start", "namespace", "bytes")),),
                  "bytes", width=24, stacked=True),
            Panel("Volume by hour", "How much was written in each hour?",
                  (Sql("volume/by_hour", (NAMESPACE,)),), kind="table"),
            Panel("Growth", "Who writes more than in the same hours of the day before?",
                  (Sql("volume/growth", (NAMESPACE,)),), kind="table"),
            Panel("Noisiest messages", "Which messages take most bytes?",
                  (Sql("volume/noisiest_messages", (NAMESPACE, ("seconds", "6"))),), kind="table", width=24),
            Panel("Where the bytes went", "How much was delivered, filtered, sampled, throttled, given up?",
                  (Sql("audit/by_account", (("whose", "$namespace"),)),), kind="table", width=24),
        )),
    ),
)  # fmt: skip
