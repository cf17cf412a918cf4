"""otlp_points: samples to OpenTelemetry's ExportMetricsServiceRequest, as bytes of protocol buffers.

Written by hand: a scrape has thousands of points whose attributes are the same from look to look, so those are made
once for a label set. Names stay Prometheus' own. A counter is a cumulative, monotonic sum; what is of no type, and a
summary's quantiles, are gauges; of histograms and summaries the buckets, counts and sums are sums by their own names.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from tailrace.metrics.labels import Labels, text

_BYTES = 2  # wire type of what has a length
_MONOTONIC = bytes((2 << 3, 2, 3 << 3, 1))  # a sum's temporality (cumulative) and that it only grows
_SUMS = ("_total", "_bucket", "_count", "_sum")


def varint(value: int) -> bytes:
    """A number that is not negative."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def part(field: int, body: bytes) -> bytes:
    """A field that is a string or a message."""
    return varint(field << 3 | _BYTES) + varint(len(body)) + body


def attribute(field: int, name: str, value: str) -> bytes:
    """A KeyValue with a string, as a field."""
    return part(field, part(1, _utf8(name)) + part(2, part(1, _utf8(value))))


class Requests:
    """Makes requests; knows the attributes of the last look's label sets."""

    def __init__(self, resource: Mapping[str, str], version: str, points: int = 4000) -> None:
        """resource: its attributes. points: of one request at most."""
        self._head = part(1, b"".join(attribute(1, name, value) for name, value in resource.items() if value))
        self._scope = part(1, part(1, b"tailrace") + part(2, version.encode()))
        self._points = points
        self._attributes: dict[str, bytes] = {}

    def of(self, samples: Iterable[tuple[Metric, Sample]], at: float, began: float) -> Iterator[tuple[bytes, int]]:
        """Requests, each with how many points it has. at: seconds since 1970, of all points. began: since when what
        is counted is counted, at the latest; 0 if that is not known."""
        nanos, start = struct.pack("<BQ", 0x19, round(at * 1e9)), struct.pack("<BQ", 0x11, round(began * 1e9))
        attributes: dict[str, bytes] = {}
        made, count, name, points = list[bytes](), 0, "", list[bytes]()
        of: Metric | None = None
        for metric, sample in samples:
            if points and (sample.name != name or metric is not of or count + len(points) >= self._points):
                made.append(_metric(of, name, points))
                count, points = count + len(points), []
                if count >= self._points:
                    yield self._request(made), count
                    made, count = [], 0
            of, name = metric, sample.name
            key = sample.labels.text if type(sample.labels) is Labels else text(sample.labels)
            given = attributes.get(key)
            if given is None:
                given = self._attributes.get(key)
                if given is None:
                    given = b"".join([attribute(7, k, v) for k, v in sample.labels.items() if v])
                attributes[key] = given
            head = start + nanos if began and _is_sum(metric, name) else nanos
            points.append(part(1, b"%b%b%b" % (given, head, struct.pack("<Bd", 0x21, sample.value))))
        self._attributes = attributes
        if points:
            made.append(_metric(of, name, points))
        if made:
            yield self._request(made), count + len(points)

    def _request(self, metrics: list[bytes]) -> bytes:
        return part(1, self._head + part(2, self._scope + b"".join(metrics)))


def _metric(metric: Metric | None, name: str, points: list[bytes]) -> bytes:
    assert metric is not None
    body = b"".join(points)
    kind = part(7, body + _MONOTONIC) if _is_sum(metric, name) else part(5, body)
    told = part(2, _utf8(metric.documentation)) if metric.documentation else b""
    return part(2, part(1, _utf8(name)) + told + kind)


def _is_sum(metric: Metric, name: str) -> bool:
    return metric.type == "counter" or (metric.type in ("histogram", "summary") and name.endswith(_SUMS))


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")
