"""writers: where metrics go that nobody scrapes. One file a destination, with its settings in it; to add one, write the
file and name its class in `WRITERS`.

A writer takes a look, all metrics of one moment, and sends it, or keeps it in bounded memory until it can. The files
here import AWS's client, Arrow and HTTP only when a writer is opened.

    writer.py    what every writer is              sending.py   one that sends payloads, and what waits
    writing.py   the thread that looks and writes  telemetry.py what the writers did, as metrics
    insights/    Container Insights' events        otlp_points.py  OTLP's bytes
    lake_agent.py, lake_pipeline.py   how looks become objects of the lake
"""

from __future__ import annotations

from tailrace.metrics.writers.emf import EmfWriter
from tailrace.metrics.writers.graphite import GraphiteWriter
from tailrace.metrics.writers.influx import InfluxWriter
from tailrace.metrics.writers.lake import LakeWriter
from tailrace.metrics.writers.otlp import OtlpWriter
from tailrace.metrics.writers.writer import Place, Writer

__all__ = ["WRITERS", "Place", "Writer"]

WRITERS: tuple[type[Writer], ...] = (EmfWriter, OtlpWriter, InfluxWriter, GraphiteWriter, LakeWriter)
