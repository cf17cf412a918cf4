"""protobuf, otlp_logs: what is made of columns is what OpenTelemetry's own classes read, for any values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tailrace.delivery.formats.otlp_logs import OtlpEncoder
from tailrace.delivery.formats.packed import requests
from tailrace.delivery.formats.protobuf import unhexed, varint, varints
from tailrace.lake import LEVELS, LOGS
from tests.delivery.made import rows
from tests.servers.otlp_double import values

TEXTS = st.one_of(st.none(), st.text(max_size=300))
LINE = st.fixed_dictionaries({
    "message": st.text(max_size=300), "level": st.sampled_from((None, *LEVELS)), "pod": st.sampled_from(("a", "b", "")),
    "image": TEXTS, "workload": TEXTS, "trace_id": st.one_of(TEXTS, st.binary(min_size=16, max_size=16).map(bytes.hex)),
    "file_offset": st.integers(0, 2**62), "restart": st.integers(0, 2**31 - 1), "cut": st.sampled_from((None, "size")),
})  # fmt: skip


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_a_column_of_numbers_is_each_number_s_varint(numbers: list[int]) -> None:
    made = varints(np.array(numbers, np.int64))
    made.validate(full=True)
    assert made.to_pylist() == [varint(n % 2**64) for n in numbers]


@given(st.lists(st.one_of(st.none(), st.text(max_size=9), st.text("0123456789abcdefABCDEF", min_size=8, max_size=8))))
def test_hex_is_read_where_it_is_hex_of_the_right_length_and_not_all_zero(texts: list[str | None]) -> None:
    def read(text: str | None) -> bytes | None:
        legal = text is not None and len(text) == 8 and all(c in "0123456789abcdefABCDEF" for c in text)
        return bytes.fromhex(text) if text and legal and text != "0" * 8 else None

    assert unhexed(pa.array(texts, pa.string()), 4).to_pylist() == [read(t) for t in texts]


@settings(deadline=None)
@given(st.lists(LINE, min_size=1, max_size=8), st.integers(200, 4000), st.booleans())
def test_any_lines_read_back_as_they_were(lines: list[dict[str, Any]], limit: int, gzip: bool) -> None:
    some = rows("f", list(range(len(lines))))
    for name in lines[0]:
        field = LOGS.schema.field(name)
        made = pa.array([line[name] for line in lines], field.type)
        some = some.set_column(some.schema.get_field_index(name), field, made)
    encoder = OtlpEncoder(LOGS, limit, gzip)
    encoder.write(pa.Table.from_batches([some]))
    found = []
    for request in requests(encoder.finish("", {})):
        count = 0
        for one in ExportLogsServiceRequest.FromString(request.plain()).resource_logs:
            resource = values(one.resource.attributes)
            for record in one.scope_logs[0].log_records:
                found.append((resource, record, values(record.attributes)))
                count += 1
        assert count == request.rows
        assert len(request.plain()) <= limit or count == 1
    got = [
        {
            "message": record.body.string_value, "level": record.severity_text or None,
            "pod": resource.get("k8s.pod.name", ""), "image": resource.get("container.image.name"),
            "trace_id": record.trace_id.hex() or attributes.get("tailrace.trace_id"),
            "file_offset": attributes["tailrace.file_offset"], "restart": resource["k8s.container.restart_count"],
            "cut": attributes.get("tailrace.cut"), "service": resource["service.name"],
        }
        for resource, record, attributes in found
    ]  # fmt: skip
    wanted = []
    for line in lines:
        trace = line["trace_id"]
        same = trace is not None and len(trace.encode()) == 32 and unhexed(pa.array([trace]), 16)[0].is_valid
        wanted.append({
            **{n: line[n] for n in ("message", "level", "pod", "file_offset", "restart", "cut")},
            "image": line["image"] or None, "trace_id": trace.lower() if same else trace,
            "service": line["workload"] or "app",
        })  # fmt: skip
    assert sorted(map(sorted_items, got)) == sorted(map(sorted_items, wanted))


def sorted_items(line: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((name, repr(value)) for name, value in line.items())


def test_no_rows_give_no_requests() -> None:
    encoder = OtlpEncoder(LOGS, 1000, True)
    encoder.write(LOGS.schema.empty_table())
    assert requests(encoder.finish("", {})) == ()
