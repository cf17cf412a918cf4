"""snapshot: how the agent stands at the end of a tick, filled in by the agent; the values of gauges and totals, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tailrace.logs.telemetry.declared import OTHER, PROBLEM, PROBLEM_OF
from tailrace.logs.telemetry.noisiest import Key
from tailrace.logs.telemetry.watch import NOTHING, Behind

Values = dict[Key, float]  # by label values, in the order in which the metric declares its labels


@dataclass(frozen=True)
class SinkSnapshot:
    """How one sink stands: objects and bytes. kind: what sink it is. counters: what it counted since the start."""

    objects_open: int
    objects_sealed: int
    objects_outbox: int
    outbox_bytes: int
    outbox_limit_bytes: int
    kind: str
    counters: Mapping[str, float]


@dataclass(frozen=True)
class Snapshot:
    """How the agent stands at the end of a tick. Bytes, counts; totals (`seen_bytes`, `problems`) are since the start.

    sinks: by their names. problems: by the values of the label `reason`, see `problem_counts`. The others: by metric.
    """

    behind: Behind = NOTHING
    seen_bytes: int = 0
    files_waiting: int = 0
    sinks: Mapping[str, SinkSnapshot] = field(default_factory=dict)
    budget_used_bytes: int = 0
    budget_limit_bytes: int = 0
    problems: Mapping[str, int] = field(default_factory=dict)
    forward: Mapping[str, float] = field(default_factory=dict)
    pods: Mapping[str, Values] = field(default_factory=dict)
    ignored_annotations: int = 0

    def values(self, now: float) -> dict[str, Values]:
        """The gauges' values; ages are as of `now` (monotonic seconds), so that they grow while the loop is stuck."""

        def age(since: float | None) -> float:
            return max(0.0, now - since) if since is not None else 0.0

        b = self.behind
        plain = {
            "lag_bytes": b.lag_bytes, "lag_seconds": age(b.lag_since),
            "held_deleted_files": b.deleted_files, "held_deleted_bytes": b.deleted_bytes,
            "held_deleted_seconds": age(b.deleted_since),
            "ignored_annotations_total": self.ignored_annotations,
            "memory_budget_used_bytes": self.budget_used_bytes, "memory_budget_limit_bytes": self.budget_limit_bytes,
        }  # fmt: skip
        values: dict[str, Values] = {
            **{f"tailrace_log_{name}": {(): float(value)} for name, value in plain.items()},
            "tailrace_log_files": {("open",): b.files, ("waiting",): self.files_waiting},
            "tailrace_log_in_flight_bytes": {(name,): size for name, size in b.in_flight_bytes.items()},
            "tailrace_log_objects": {
                (name, state): number
                for name, s in self.sinks.items()
                for state, number in (
                    ("open", s.objects_open), ("sealed", s.objects_sealed), ("outbox", s.objects_outbox)
                )
            },
            "tailrace_log_outbox_bytes": {(name,): s.outbox_bytes for name, s in self.sinks.items()},
            "tailrace_log_outbox_limit_bytes": {(name,): s.outbox_limit_bytes for name, s in self.sinks.items()},
            **self._counters(),
            **{name: {(): value} for name, value in self.forward.items()},
            **self.pods,
            "tailrace_log_problems_total": {(reason,): self.problems.get(reason, 0) for reason in PROBLEM.fixed},
        }  # fmt: skip
        return {name: known for name, known in values.items() if known}

    def _counters(self) -> dict[str, Values]:
        out: dict[str, Values] = {}
        for name, sink in self.sinks.items():
            for counter, value in sink.counters.items():
                out.setdefault(f"tailrace_log_{sink.kind}_{counter}_total", {})[(name,)] = value
        return out


def problem_counts(noted: Mapping[str, int], **counted: int) -> dict[str, int]:
    """The problems by label value: `noted` in the source's words (Problems.counts), the rest by their label values.

    What is not declared is counted as `other`: a new text never makes a new series.
    """
    counts: dict[str, int] = {}
    for reason, number in [*((PROBLEM_OF.get(word, OTHER), n) for word, n in noted.items()), *counted.items()]:
        known = PROBLEM.known(reason)
        counts[known] = counts.get(known, 0) + number
    return counts
