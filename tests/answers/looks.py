"""looks: the samples of scenes in, rows of `metrics` out in a lake, through the lake writer of each node's exporter."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from prometheus_client.core import Metric

from tailrace.config import Settings
from tailrace.metrics.described import Described
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.lake import LakeSettings, LakeWriter
from tailrace.metrics.writers.writer import Place
from tests.answers.nodes import CLUSTER
from tests.answers.scene import Sample, Scene

_AT_ONCE = 4  # looks that a writer keeps for its agent
_PATIENCE = 60.0  # seconds


def write_samples(scenes: Sequence[Scene], lake: Path, work: Path) -> None:
    """Let a writer a node write the scenes' looks in their order. work: where its spool and its state may be."""
    looks: dict[str, dict[float, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for scene in scenes:
        for sample in scene.samples:
            looks[sample.node][sample.at.timestamp()].append(sample)
    writers = {node: _writer(node, lake, work / f"{node}-metrics") for node in sorted(looks)}
    rest = {node: sorted(of.items()) for node, of in looks.items()}
    while any(rest.values()):
        for node, writer in writers.items():
            for moment, samples in rest[node][:_AT_ONCE]:
                writer.write(families(samples), moment)
            _taken(writer, rest[node][:_AT_ONCE])
            del rest[node][:_AT_ONCE]
    for writer in writers.values():
        writer.close()
        assert not any(writer.counters.dropped.values()), f"samples were dropped: {writer.counters.dropped}"


def families(samples: Sequence[Sample]) -> list[Metric]:
    """The samples of one look as collectors give them."""
    by_name: dict[tuple[str, str], list[tuple[Labels, float]]] = defaultdict(list)
    for sample in samples:
        own = {"namespace": sample.namespace, "pod": sample.pod, "container": sample.container}
        labels = Labels({**{name: value for name, value in own.items() if value}, **sample.labels})
        by_name[sample.name, sample.type].append((labels, sample.value))
    return [Described(name, kind, f"Help of {name}.").of(some) for (name, kind), some in by_name.items()]  # type: ignore[arg-type]


def _writer(node: str, lake: Path, state: Path) -> LakeWriter:
    agent = Settings(lake=str(lake), state=state, tick=0.01, scan=0.02)
    return LakeWriter.open(LakeSettings(seal_seconds=3600.0), Place(CLUSTER, node, agent))


def _taken(writer: LakeWriter, looks: Sequence[tuple[float, list[Sample]]]) -> None:
    """Wait until the spool has them."""
    end = time.monotonic() + _PATIENCE
    while looks and writer.counters.last < looks[-1][0]:
        assert time.monotonic() < end, "the lake writer takes nothing"
        time.sleep(0.002)
