"""cases_logs: when each alert on the log agent must fire, and how near to that it must stay quiet."""

from __future__ import annotations

from tests.dashboards.rules import Case

AGENT = 'job="logs",instance="n1"'
SINK = f'{AGENT},sink="lake"'


def of(name: str, values: str, labels: str = "") -> str:
    """A series of one agent."""
    return f"tailrace_log_{name}{{{AGENT}{labels}}} {values}"


def of_sink(name: str, values: str, labels: str = "") -> str:
    """A series of its sink."""
    return f"tailrace_log_{name}{{{SINK}{labels}}} {values}"


def balance(seen: str, delivered: str, in_flight: str) -> tuple[str, ...]:
    """What the ledger is made of, with 100 unread bytes."""
    return (
        of("seen_bytes_total", seen),
        of("lag_bytes", "100x60"),
        of_sink("ledger_bytes_total", delivered, ',account="delivered"'),
        of_sink("ledger_bytes_total", "50x60", ',account="filtered"'),
        of_sink("in_flight_bytes", in_flight),
    )


def reason(name: str, values: str, why: str) -> tuple[str, ...]:
    """A counter by reason."""
    return (of(name, values, f',reason="{why}"'),)


def outbox(values: str) -> tuple[str, ...]:
    """An outbox of 1000 bytes; and one that is turned off."""
    return (
        of_sink("outbox_bytes", values), of_sink("outbox_limit_bytes", "1000x100"),
        f'tailrace_log_outbox_bytes{{{AGENT},sink="other"}} 0x100',
        f'tailrace_log_outbox_limit_bytes{{{AGENT},sink="other"}} 0x100',
    )  # fmt: skip


UP, INFO = f"up{{{AGENT}}}", of("build_info", "")
AGENTS = (
    Case(
        "TailraceLogDown critical", at="15m", early="9m",
        sick=(f"{UP} 1x5 0x20", f"{INFO} 1x5 stale"),
        well=(f"{UP} 1x8 0 0 1x20", f"{INFO} 1x30", 'up{job="db",instance="n2"} 0x30'),
    ),
    Case(
        "TailraceLogAbsent critical", early="13m",
        sick=(f"{UP} 1x30", f"{INFO} stale"), well=(f"{INFO} 1x30",),
    ),
    Case(
        "TailraceLogStuck critical", at="4m", early="2m",
        sick=(of("last_tick_timestamp_seconds", "-121+60x30"),),
        well=(of("last_tick_timestamp_seconds", "-119+60x30"),),
    ),
    Case(
        "TailraceLogFilesNearLimit warning", early="8m",
        sick=(f"process_open_fds{{{AGENT}}} 81x30", f"process_max_fds{{{AGENT}}} 100x30", f"{INFO} 1x30"),
        well=(
            f"process_open_fds{{{AGENT}}} 79x30", f"process_max_fds{{{AGENT}}} 100x30", f"{INFO} 1x30",
            'process_open_fds{job="db",instance="n2"} 99x30', 'process_max_fds{job="db",instance="n2"} 100x30',
        ),
    ),
    Case(
        "TailraceLogFilesWaiting warning", early="8m",
        sick=(of("files", "1x30", ',state="waiting"'),),
        well=(of("files", "900x30", ',state="open"'), of("files", "0 1 0 1 1 0x30", ',state="waiting"')),
    ),
    Case(
        "TailraceLogConfigRefused warning", at="8m", early="4m",
        sick=(of("config_last_reload_ok", "0x30"),), well=(of("config_last_reload_ok", "1x30"),),
    ),
    Case(
        "TailraceLogCheckpointFailing critical", at="9m", early="3m",
        sick=(of("checkpoint_saves_total", "0+1x30", ',result="failed"'),),
        well=(of("checkpoint_saves_total", "0+9x30", ',result="ok"'),
              of("checkpoint_saves_total", "4x30", ',result="failed"')),
    ),
    Case(
        "TailraceLogUnreadable warning", early="12m",
        sick=reason("problems_total", "0+1x30", "file_unreadable"),
        well=(*reason("problems_total", "0+1x30", "not_cri"), *reason("problems_total", "7x30", "read_error")),
    ),
    Case(
        "TailraceLogStateDamaged warning", early="4m", at="10m",
        sick=reason("problems_total", "0x5 1x30", "checkpoint_damaged"),
        well=(*reason("problems_total", "0+1x30", "cut"), *reason("problems_total", "1x30", "outbox_damaged")),
    ),
    Case(
        "TailraceLogTransformFailing critical", early="4m", at="10m",
        sick=reason("problems_total", "0x5 1x30", "transform_failed"),
        well=reason("problems_total", "3x30", "transform_failed"),
    ),
)  # fmt: skip

LEDGER = (
    Case(
        "TailraceLogLinesAbandoned critical", early="4m", at="10m",
        sick=reason("abandoned_bytes_total", "0x5 512x30", "outbox_full"),
        well=(
            *reason("abandoned_bytes_total", "0+9x30", "hole"),  # nobody wrote them
            *reason("abandoned_bytes_total", "512x30", "truncated"),  # long ago
        ),
    ),
    Case(
        "TailraceLogLedgerUnbalanced warning", early="12m",
        sick=balance("1000+60x60", "800+60x60", "49x60"),
        well=balance("1000+60x60", "800+60x60", "50x60"),
    ),
    Case(
        "TailraceLogLagging warning", early="8m",
        sick=(of("lag_seconds", "301x30"),), well=(of("lag_seconds", "299x30"),),
    ),
    Case(
        "TailraceLogDeletedFilesHeld warning", early="8m",
        sick=(of("held_deleted_seconds", "1801x30"),), well=(of("held_deleted_seconds", "1799x30"),),
    ),
    Case(
        "TailraceLogLinesThrottled info", early="12m",
        sick=(of_sink("ledger_lines_total", "0+60x30", ',account="throttled"'),),
        well=(of_sink("ledger_lines_total", "0+60x30", ',account="delivered"'),
              of_sink("ledger_lines_total", "500x30", ',account="throttled"')),
    ),
    Case(
        "TailraceLogMemoryBudgetFull warning", early="12m",
        sick=(of("memory_budget_used_bytes", "96x30"), of("memory_budget_limit_bytes", "100x30")),
        well=(of("memory_budget_used_bytes", "100x10 94 100x20"), of("memory_budget_limit_bytes", "100x30")),
    ),
)  # fmt: skip

SINKS = (
    Case(
        "TailraceLogSinkDown warning", early="8m",
        sick=(of_sink("sink_up", "0x90"),), well=(of_sink("sink_up", "0x9 1 0x9 1x30"),),
    ),
    Case(
        "TailraceLogSinkDown critical", at="70m",
        sick=(of_sink("sink_up", "0x90"),), well=(of_sink("sink_up", "0x50 1 0x50"),),
    ),
    Case(
        "TailraceLogSinkDenied critical", at="9m", early="4m",
        sick=(of_sink("sink_retries_total", "0+1x30", ',reason="denied"'),),
        well=(of_sink("sink_retries_total", "0+1x30", ',reason="throttled"'),
              of_sink("sink_retries_total", "5x30", ',reason="missing"')),
    ),
    Case(
        "TailraceLogSinkRetrying warning", at="40m", early="12m",
        sick=(of_sink("sink_retries_total", "0+11x60", ',reason="timeout"'),
              of_sink("objects_stored_total", "0+10x60")),
        well=(of_sink("sink_retries_total", "0+9x60", ',reason="timeout"'), of_sink("objects_stored_total", "0+10x60"),
              'tailrace_log_sink_retries_total{instance="n2",sink="lake",reason="full"} 0x60',
              'tailrace_log_objects_stored_total{instance="n2",sink="lake"} 0x60'),
    ),
    Case(
        "TailraceLogOutboxFillingUp warning", at="13m", early="9m",
        sick=outbox("210+5x90"), well=outbox("250+1x90"),
    ),
    Case(
        "TailraceLogOutboxFillingUp warning", at="30m", early="9m",  # it fills, but there is hardly anything in it
        sick=outbox("210+5x90"), well=outbox("88+3.7x90"),
    ),
    Case(
        "TailraceLogOutboxNearlyFull critical", at="8m", early="6m",
        sick=outbox("899x5 901x30"), well=outbox("899x30"),
    ),
    *(
        Case(
            "TailraceLogLinesRefused warning", at="10m", early="4m",
            sick=(of_sink(counter, "7x5 8x30"),), well=(of_sink(counter, "7x30"),),
        )
        for counter in (
            "firehose_rejected_lines_total", "cloudwatch_too_old_total", "cloudwatch_too_new_total",
            "cloudwatch_expired_total", "otlp_rejected_total", "elasticsearch_dead_letters_total",
        )
    ),
)  # fmt: skip

OTHERS = (
    Case(
        "TailraceLogJournalGap warning", at="10m", early="4m",
        sick=(of("journal_gaps_total", "0x5 1x30"),), well=(of("journal_gaps_total", "1x30"),),
    ),
    Case(
        "TailraceLogJournalFailing warning", at="25m", early="9m",
        sick=(of("journal_errors_total", "0+1x30"),), well=(of("journal_errors_total", "0 1x30"),),
    ),
    Case(
        "TailraceLogForwardDenied warning", at="25m", early="12m",
        sick=(of("forward_in_denied_total", "0+1x30"), of("forward_in_broken_total", "0x30")),
        well=(of("forward_in_denied_total", "4x30"), of("forward_in_broken_total", "0x30")),
    ),
    Case(
        "TailraceLogKubeNotSynced warning", early="8m",
        sick=(of("kube_synced", "0x30"),), well=(of("kube_synced", "0x8 1x30"),),
    ),
    Case(
        "TailraceLogUnknownPods warning", at="25m", early="12m",
        sick=(of("kube_unknown_pods_total", "0+1x30"),), well=(of("kube_unknown_pods_total", "9x30"),),
    ),
    Case(
        "TailraceLogAnnotationsIgnored info", at="10m", early="4m",
        sick=(of("ignored_annotations_total", "0x5 1x30"),), well=(of("ignored_annotations_total", "1x30"),),
    ),
    Case(
        "TailraceLogClusterNotActive warning", at="10m", early="3m",
        sick=('tailrace_log_cluster_active{instance="a"} 0x30', 'tailrace_log_cluster_active{instance="b"} 0x30'),
        well=('tailrace_log_cluster_active{instance="a"} 0x30', 'tailrace_log_cluster_active{instance="b"} 1x30'),
    ),
    Case(
        "TailraceLogClusterTwoActive warning", at="10m", early="3m",
        sick=('tailrace_log_cluster_active{instance="a"} 1x30', 'tailrace_log_cluster_active{instance="b"} 1x30'),
        well=('tailrace_log_cluster_active{instance="a"} 1x6 0x30',
              'tailrace_log_cluster_active{instance="b"} 0x4 1x30'),
    ),
)  # fmt: skip

CASES = AGENTS + LEDGER + SINKS + OTHERS
