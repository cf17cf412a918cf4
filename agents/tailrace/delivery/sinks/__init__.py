"""sinks: where sealed objects go. One file a destination, with its settings in it; to add one, write the file and name
its class in `SINKS`.

A sink stores an object or raises. Until `store` has returned, nothing of it is committed; it may be called again with
the same object, and must then leave one copy, or as few as it can. The files here import Arrow and AWS only when a sink
is opened: the commands' --help lists the settings of all of them.

    sink.py     what every sink is         chosen.py   the settings to the sinks of a run
"""

from __future__ import annotations

from tailrace.delivery.sinks.cloudwatch import CloudwatchSink
from tailrace.delivery.sinks.elasticsearch import ElasticsearchSink
from tailrace.delivery.sinks.firehose import FirehoseSink
from tailrace.delivery.sinks.forward import ForwardSink
from tailrace.delivery.sinks.local import LocalSink
from tailrace.delivery.sinks.otlp import OtlpSink
from tailrace.delivery.sinks.s3 import S3Sink
from tailrace.delivery.sinks.sink import Finding, Place, Sink
from tailrace.delivery.sinks.stdout import StdoutSink

__all__ = ["SINKS", "Finding", "Place", "Sink"]

SINKS: tuple[type[Sink], ...] = (
    LocalSink, S3Sink, FirehoseSink, CloudwatchSink, ElasticsearchSink, OtlpSink, ForwardSink, StdoutSink,
)  # fmt: skip
