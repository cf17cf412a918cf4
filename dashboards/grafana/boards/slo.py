"""slo: the service levels of dashboards/alerts and those of services in the lake: is there budget left?"""

from __future__ import annotations

from dashboards.panels import Chosen, Dashboard, Panel, Prom, Row, Sql, Thresholds, Typed

HERE = (("namespace", "$namespace"), ("workload", "$workload"), ("objective", "99.9"))
# Of the alerts: at this pace the budget of 30 days is gone in 50 hours, and in ten days.
BURNING: Thresholds = ((3, "warn"), (14.4, "bad"))


def burn(window: str) -> str:
    """How many times as fast as the objective allows errors were made."""
    return f"slo:sli_error:ratio_rate{window}{{@}} / on (slo) group_left () max by (slo) (slo:error_budget:ratio)"


SLO = Dashboard(
    "slo", "Service levels", "Is there error budget left, and how fast does it burn?", "cluster",
    (
        Chosen("cluster", "slo:sli_error:ratio_rate5m"),
        Typed("namespace", "%", "a LIKE pattern: % is all"),
        Typed("workload", "%", "a LIKE pattern of the workload, else of the pod"),
    ),
    scope='cluster=~"$cluster"',
    rows=(
        Row("The platform's own", (
            Panel("Budget left", "How much of the 30 days' error budget is left?",
                  (Prom("slo:period_error_budget_remaining:ratio{@}", "{{slo}}"),),
                  "percentunit", "stat", ((None, "bad"), (0, "warn"), (0.25, "good"))),
            Panel("Objective", "What was promised?",
                  (Prom("max by (slo) (slo:objective:ratio)", "{{slo}}"),), "percentunit", "stat"),
            Panel("Burn rate: minutes", "Must somebody act now?",
                  (Prom(burn("5m"), "{{slo}} 5 min"), Prom(burn("1h"), "{{slo}} 1 h")), "none", thresholds=BURNING),
            Panel("Burn rate: hours and days", "Must somebody act within days?",
                  (Prom(burn("6h"), "{{slo}} 6 h"), Prom(burn("3d"), "{{slo}} 3 d")), "none", thresholds=BURNING),
            Panel("Errors", "What share of what was promised failed?",
                  (Prom("slo:sli_error:ratio_rate5m{@}", "{{slo}}"),), "percentunit"),
            Panel("Pods not ready", "What share of the running pods takes no requests?",
                  (Prom("cluster:kube_pod_not_ready:ratio{@}", "{{cluster}}"),), "percentunit"),
        )),
        Row("Services, from their lines", (
            Panel("Availability", "What share of each service's requests did not fail, hour by hour?",
                  (Sql("slo/availability", HERE, ("hour_start", "workload", "availability_percent")),), "percent"),
            Panel("Fast enough", "What share of each service's requests was fast enough, hour by hour?",
                  (Sql("slo/latency", HERE[:2], ("hour_start", "workload", "fast_percent")),), "percent"),
            Panel("Availability by hour", "What share of each service's requests failed?",
                  (Sql("slo/availability", HERE),), kind="table"),
            Panel("Error budget left", "When is a service's budget gone?",
                  (Sql("slo/budget_left", HERE),), kind="table"),
            Panel("Burn rates", "Does a service burn its budget so fast that somebody must act?",
                  (Sql("slo/burn_rate", (("from", "to - 3d"), *HERE)),), kind="table"),
            Panel("Latency objective by hour", "What share of requests was fast enough?",
                  (Sql("slo/latency", HERE[:2]),), kind="table"),
        )),
    ),
)  # fmt: skip
