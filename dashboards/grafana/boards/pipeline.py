"""pipeline: the log agents' own /metrics, for those who run the cluster: does every line arrive, and how late?"""

from __future__ import annotations

from dashboards.panels import Chosen, Dashboard, Panel, Prom, Row


def rate(metric: str, *by: str) -> str:
    """A counter's rate, summed."""
    return f"sum by ({', '.join(by)}) (rate({metric}{{@}}[$__rate_interval]))"


# The exporter has metrics of these names, too.
OWN = "and on (cluster, instance) tailrace_log_build_info{@}"

PIPELINE = Dashboard(
    "log-pipeline", "Log pipeline", "Does every line arrive, and how late?", "cluster",
    (Chosen("cluster", "tailrace_log_build_info"), Chosen("instance", "tailrace_log_build_info")),
    scope='cluster=~"$cluster", instance=~"$instance"',
    rows=(
        Row("At a glance", (
            Panel("Bytes lost", "Was anything given up in this window?",
                  (Prom('sum(increase(tailrace_log_abandoned_bytes_total{@, reason!="hole"}[$__range]))'),),
                  "bytes", "stat", ((1, "bad"),), 4),
            Panel("Bytes astray", "Does the ledger balance: is every byte in an account?",
                  (Prom("sum(tailrace_log_seen_bytes_total{@} - tailrace_log_lag_bytes{@}"
                        " - on (cluster, instance) group_right ()"
                        " (sum by (cluster, instance, sink) (tailrace_log_ledger_bytes_total{@})"
                        " + on (cluster, instance, sink) tailrace_log_in_flight_bytes{@}))"),),
                  "bytes", "stat", ((None, "bad"), (0, "good"), (1, "bad")), 4),
            Panel("Lines a second", "How much comes in?",
                  (Prom("sum(max by (cluster, instance, account) (sum by (cluster, instance, sink, account)"
                        " (rate(tailrace_log_ledger_lines_total{@}[$__rate_interval]))))"),), "cps", "stat", (), 4),
            Panel("Longest lag", "How late is the file that is furthest behind?",
                  (Prom("max(tailrace_log_lag_seconds{@})"),), "s", "stat", ((60, "warn"), (600, "bad")), 4),
            Panel("Sinks that are down", "Does a sink refuse objects?",
                  (Prom("sum(1 - tailrace_log_sink_up{@})"),), "none", "stat", ((1, "bad"),), 4),
            Panel("Outbox filled", "How much room is left while a sink is down?",
                  (Prom("max(tailrace_log_outbox_bytes{@} / tailrace_log_outbox_limit_bytes{@})"),),
                  "percentunit", "stat", ((0.5, "warn"), (0.9, "bad")), 4),
        )),
        Row("The ledger: where every byte went", (
            Panel("Lines by account", "What became of the lines?",
                  (Prom(rate("tailrace_log_ledger_lines_total", "sink", "account"), "{{sink}} {{account}}"),), "cps"),
            Panel("Bytes by account", "What became of the bytes?",
                  (Prom(rate("tailrace_log_ledger_bytes_total", "sink", "account"), "{{sink}} {{account}}"),), "Bps"),
            Panel("Bytes by namespace", "Who writes most?",
                  (Prom(f"topk(10, {rate('tailrace_log_namespace_bytes_total', 'namespace')})", "{{namespace}}"),),
                  "Bps", stacked=True),
            Panel("Given up, by cause", "What was lost, and why?",
                  (Prom("sum by (instance, reason) (increase(tailrace_log_abandoned_bytes_total{@}[$__rate_interval]))",
                        "{{instance}} {{reason}}"),), "bytes", thresholds=((1, "bad"),)),
        )),
        Row("Lag", (
            Panel("Lag", "For how long has a file had bytes that are not read?",
                  (Prom("tailrace_log_lag_seconds{@}", "{{instance}}"),), "s", thresholds=((60, "warn"), (600, "bad"))),
            Panel("Unread bytes", "How much is there still to read?",
                  (Prom("tailrace_log_lag_bytes{@}", "{{instance}}"),), "bytes"),
            Panel("In flight", "How much was read, but not stored yet?",
                  (Prom("tailrace_log_in_flight_bytes{@}", "{{instance}} {{sink}}"),), "bytes"),
            Panel("Held deleted files", "How much disk space do deleted files take that are not delivered?",
                  (Prom("tailrace_log_held_deleted_bytes{@}", "{{instance}}"),), "bytes"),
            Panel("Files", "How many log files are followed?",
                  (Prom("sum by (instance, state) (tailrace_log_files{@})", "{{instance}} {{state}}"),), "none"),
            Panel("Problems", "What was not as it should be?",
                  (Prom("sum by (instance, reason) (increase(tailrace_log_problems_total{@}[$__rate_interval]))",
                        "{{instance}} {{reason}}"),), "none", thresholds=((1, "warn"),)),
        )),
        Row("Sinks and outbox", (
            Panel("Objects stored", "How often does each sink take an object?",
                  (Prom(rate("tailrace_log_objects_stored_total", "instance", "sink"), "{{instance}} {{sink}}"),),
                  "cps"),
            Panel("Objects that wait", "What does a sink not have yet?",
                  (Prom("sum by (instance, sink, state) (tailrace_log_objects{@})",
                        "{{instance}} {{sink}} {{state}}"),), "none"),
            Panel("Time to store", "How long do sinks take for an object?",
                  (Prom("sum by (le) (increase(tailrace_log_sink_store_seconds_bucket{@}[$__rate_interval]))",
                        "{{le}}"),), "s", "heatmap"),
            Panel("Slowest stores (99 of 100)", "How long do the slowest take?",
                  (Prom("histogram_quantile(0.99, sum by (le, sink)"
                        " (rate(tailrace_log_sink_store_seconds_bucket{@}[$__rate_interval])))", "{{sink}}"),),
                  "s", thresholds=((10, "warn"), (60, "bad"))),
            Panel("Refused", "How often did a sink refuse an object, and why?",
                  (Prom("sum by (sink, reason) (increase(tailrace_log_sink_retries_total{@}[$__rate_interval]))",
                        "{{sink}} {{reason}}"),), "none", thresholds=((1, "warn"),)),
            Panel("Since the last success", "How long ago did each sink take an object?",
                  (Prom("time() - tailrace_log_sink_last_success_timestamp_seconds{@}", "{{instance}} {{sink}}"),),
                  "s"),
            Panel("Outbox", "How much waits on disk, and how much may?",
                  (Prom("tailrace_log_outbox_bytes{@}", "{{instance}} {{sink}}"),
                   Prom("tailrace_log_outbox_limit_bytes{@}", "{{instance}} {{sink}} limit")), "bytes", width=24),
        )),
        Row("The agent itself", (
            Panel("CPU", "What does the agent cost?",
                  (Prom(f"rate(process_cpu_seconds_total{{@}}[$__rate_interval]) {OWN}", "{{instance}}"),),
                  "percentunit"),
            Panel("Memory", "How much does it hold, and how much of its budget is in use?",
                  (Prom(f"process_resident_memory_bytes{{@}} {OWN}", "{{instance}} resident"),
                   Prom("tailrace_log_memory_budget_used_bytes{@}", "{{instance}} budget used"),
                   Prom("tailrace_log_memory_budget_limit_bytes{@}", "{{instance}} budget")), "bytes"),
            Panel("Checkpoints", "Does it write down how far it is?",
                  (Prom(rate("tailrace_log_checkpoint_saves_total", "instance", "result"), "{{instance}} {{result}}"),),
                  "cps"),
            Panel("Since the last report", "Is the loop alive?",
                  (Prom("time() - tailrace_log_last_tick_timestamp_seconds{@}", "{{instance}}"),),
                  "s", thresholds=((30, "warn"), (120, "bad"))),
            Panel("Knows its pods", "Are the pods of each node known as they are now?",
                  (Prom("tailrace_log_kube_synced{@}", "{{instance}}"),), "bool_yes_no", "stat",
                  ((None, "bad"), (1, "good"))),
            Panel("Settings in force", "Is the settings file the one in force?",
                  (Prom("tailrace_log_config_last_reload_ok{@}", "{{instance}}"),), "bool_yes_no", "stat",
                  ((None, "bad"), (1, "good"))),
        )),
    ),
)  # fmt: skip
