"""errors: questions to the lake about errors, crashes and slow requests, for those who run apps; on a laptop, too."""

from __future__ import annotations

from dashboards.panels import Dashboard, Panel, Row, Sql, Typed

NAMESPACE = ("namespace", "$namespace")
HERE = (NAMESPACE, ("workload", "$workload"))

ERRORS = Dashboard(
    "errors-and-latency", "Errors and latency", "What fails, since when, and what is slow?", "apps",
    (
        Typed("namespace", "%", "a LIKE pattern: % is all"),
        Typed("workload", "%", "a LIKE pattern of the workload, else of the pod"),
    ),
    laptop=True,
    rows=(
        Row("Errors", (
            Panel("Errors over time", "When did errors begin, and in which of the largest namespaces?",
                  (Sql("volume/over_time", (("seconds", "900"),), ("stretch_start", "namespace", "errors")),),
                  "short", width=24, stacked=True),
            Panel("Errors by workload", "Which workloads logged errors?",
                  (Sql("errors/by_workload", (NAMESPACE,)),), kind="table"),
            Panel("Levels by workload", "What share of each workload's lines has which level?",
                  (Sql("errors/by_level", (NAMESPACE,)),), kind="table"),
            Panel("Error fingerprints", "Which errors are the same but for their numbers and ids?",
                  (Sql("errors/fingerprints", HERE),), kind="table", width=24),
            Panel("New errors", "Which errors were not there in the day before this window?",
                  (Sql("errors/new_since", (("since", "$from"), ("from", "since - 24h"), *HERE)),), kind="table"),
            Panel("Error spikes", "Who logs more errors in the last hour than in the same hour a day before?",
                  (Sql("errors/spike", (("from", "to - 25h"), NAMESPACE)),), kind="table"),
            Panel("Newest errors", "What was said last?",
                  (Sql("search/text", (NAMESPACE, ("level", "error"))),), kind="logs", width=24),
        )),
        Row("Latency", (
            Panel("Latency by route", "Which routes are slow, and which fail?",
                  (Sql("latency/by_route", HERE),), kind="table", width=24),
            Panel("How long requests took", "How many requests took how long?",
                  (Sql("latency/histogram", HERE),), kind="table"),
            Panel("Slowest requests", "Which single requests took longest?",
                  (Sql("latency/slowest", HERE),), kind="table"),
        )),
        Row("Crashes", (
            Panel("Why containers ended", "With which exit codes did containers end, and what does each mean?",
                  (Sql("crashes/exit_codes", (NAMESPACE,)),), kind="table"),
            Panel("Why pods restarted", "What was the reason of each restart?",
                  (Sql("events/why_restarted", (NAMESPACE,)),), kind="table"),
            Panel("Last lines before each end", "What did each container say before it ended?",
                  (Sql("crashes/last_lines", (NAMESPACE, ("n", "3"))),), kind="table", width=24),
            Panel("Warnings", "What did Kubernetes warn of?",
                  (Sql("events/warnings", (NAMESPACE,)),), kind="table"),
            Panel("Traces with errors", "Which requests met most errors, and through which services did they go?",
                  (Sql("traces/errors", (NAMESPACE,)),), kind="table"),
        )),
    ),
)  # fmt: skip
