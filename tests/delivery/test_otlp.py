"""otlp: what a server of the protocol gets for lines, and what becomes of them when it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.otlp import OtlpSettings, OtlpSink
from tests.delivery.made import HOUR, batch
from tests.delivery.sealing import sealed_for, with_values
from tests.servers.answering import LOST, Answer
from tests.servers.otlp_double import OtlpDouble, values


@pytest.fixture
def server() -> Iterator[OtlpDouble]:
    with OtlpDouble() as double:
        yield double


def sink_of(server: OtlpDouble, **settings: Any) -> OtlpSink:
    return OtlpSink.open(OtlpSettings(**{"url": server.url, "request_bytes": 1500, **settings}), Place())


def expected(count: int) -> list[str]:
    return [f"n1:a:{10 * n}" for n in range(count)]


def test_a_line_is_a_record_with_the_conventions_names(server: OtlpDouble) -> None:
    one = with_values(
        batch("a", 0, 2),
        level=["error", None], trace_id=["0AF7651916cd43dd8448eb211c80319c", "not-hex"],
        span_id=["b7ad6b7169203331", None], labels=['{"app":"web","app.kubernetes.io/name":"w"}', None],
        workload=["web", None], workload_kind=["Deployment", None], image=["shop/web:1", None], ts=[HOUR + 7, None],
        cut=[None, "size"], ingest_ts=[HOUR + 9, HOUR + 9], restart=[300, 0],
        http_status=[503, None],
    )  # fmt: skip
    sink = sink_of(server)
    sink.store(sealed_for(sink, one))
    by_uid = {
        values(r.attributes)["log.record.uid"]: (resource, r) for resource, s, r in server.taken if s == "tailrace"
    }
    resource, record = by_uid["n1:a:0"]
    assert resource == {
        "k8s.cluster.name": "c1", "k8s.node.name": "n1", "k8s.namespace.name": "shop", "k8s.pod.name": "web",
        "k8s.pod.uid": "uid", "k8s.container.name": "app", "k8s.container.restart_count": 300,
        "container.image.name": "shop/web:1", "service.name": "web", "k8s.deployment.name": "web",
        "k8s.pod.label.app": "web", "k8s.pod.label.app.kubernetes.io/name": "w",
    }  # fmt: skip
    assert (record.time_unix_nano, record.observed_time_unix_nano) == ((HOUR + 7) * 1000, (HOUR + 9) * 1000)
    assert (record.severity_number, record.severity_text) == (17, "error")
    assert record.body.string_value == "a 0"
    assert (record.trace_id.hex(), record.span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert values(record.attributes) == {
        "log.record.uid": "n1:a:0", "log.iostream": "stdout", "tailrace.file": "a", "tailrace.file_offset": 0,
        "tailrace.file_bytes": 10, "http.response.status_code": 503,
    }  # fmt: skip
    resource, record = by_uid["n1:a:10"]
    assert resource["service.name"] == "app", "a container is its own service if it has no workload"
    assert (record.time_unix_nano, record.severity_number, record.trace_id) == (0, 0, b"")
    assert values(record.attributes)["tailrace.trace_id"] == "not-hex"
    assert values(record.attributes)["tailrace.cut"] == "size"
    assert "http.response.status_code" not in values(record.attributes)


def test_records_of_one_container_share_a_resource_and_keep_their_order(server: OtlpDouble) -> None:
    pods = ["web", "db"] * 10
    sink = sink_of(server, request_bytes=1 << 20)
    sink.store(sealed_for(sink, with_values(batch("a", 0, 20), pod=pods)))
    lines = [(r["k8s.pod.name"], record.body.string_value) for r, scope, record in server.taken if scope == "tailrace"]
    assert len(lines) == 20
    for pod, first in (("web", 0), ("db", 1)):
        assert [text for p, text in lines if p == pod] == [f"a {10 * n}" for n in range(first, 20, 2)]
    assert len(server.asked) == 2, "the lines, the ledger"


def test_requests_are_within_the_limit_and_the_ledger_s_rows_come_last(server: OtlpDouble) -> None:
    sink = sink_of(server)
    sink.store(sealed_for(sink, batch("a", 0, 30)))
    assert server.uids() == expected(30)
    assert len(server.asked) > 3
    assert all(len(a.body) <= 1500 and a.headers["content-encoding"] == "gzip" for a in server.asked)
    (row,) = server.records("tailrace.ledger")
    assert '"account":"delivered"' in row.body.string_value
    assert '"to_offset":300' in row.body.string_value
    assert server.taken[-1][1] == "tailrace.ledger"
    assert sink.counters["records"] == 31


@pytest.mark.parametrize(
    ("fault", "reason", "wait"),
    [
        (Answer(429, headers={"retry-after": "7"}), "throttled", 7.0),
        (Answer(503, headers={"retry-after": "30"}), "throttled", 30.0),
        (Answer(503), "failed", None),
        (Answer(502), "failed", None),
        (Answer(504), "timeout", None),
        (Answer(401), "denied", None),
        (Answer(404), "missing", None),
        (Answer(200, b"<html>hello</html>"), "missing", None),
    ],
)
@pytest.mark.parametrize("at", [0, 2])
def test_a_request_that_is_refused_is_sent_again_and_those_before_it_are_not(
    server: OtlpDouble, fault: Answer, reason: str, wait: float | None, at: int
) -> None:
    sink = sink_of(server)
    one = sealed_for(sink, batch("a", 0, 30))
    original, calls = server.answer, iter(range(100))
    server.answer = lambda asked: fault if next(calls) == at else original(asked)  # type: ignore[method-assign]
    with pytest.raises(Refused) as refusal:
        sink.store(one)
    assert (refusal.value.reason, refusal.value.wait) == (reason, wait)
    sink.store(one)
    assert server.uids() == expected(30)


def test_a_lost_answer_leaves_records_twice_that_their_uid_tells(server: OtlpDouble) -> None:
    sink = sink_of(server)
    one = sealed_for(sink, batch("a", 0, 30))
    server.faults.append(LOST)
    with pytest.raises(Refused):
        sink.store(one)
    sink.store(one)
    assert sorted(set(server.uids())) == sorted(expected(30))
    assert len(server.uids()) > 30


def test_what_the_server_rejects_of_a_request_is_counted_and_not_sent_again(
    server: OtlpDouble, caplog: pytest.LogCaptureFixture
) -> None:
    server.reject = lambda record: "too old" if record.body.string_value in ("a 50", "a 60") else None
    sink = sink_of(server, request_bytes=1 << 20)
    one = sealed_for(sink, batch("a", 0, 30))
    sink.store(one)
    assert server.uids() == [u for u in expected(30) if u not in ("n1:a:50", "n1:a:60")]
    assert (sink.counters["rejected"], sink.counters["records"]) == (2, 29)
    assert [(d.key, d.lines, d.reason, d.spans) for d in sink.dropped] == [(one.key, 2, "rejected", ())]
    assert "rejected 2 records for good (too old)" in caplog.text


def test_a_server_that_calls_a_request_wrong_is_believed_only_if_it_ever_took_one(server: OtlpDouble) -> None:
    sink = sink_of(server, request_bytes=1 << 20)
    one = sealed_for(sink, batch("a", 0, 3))
    server.faults.append(Answer(400, b"no"))
    with pytest.raises(Refused) as refusal:
        sink.store(one)
    assert refusal.value.reason == "rejected"
    sink.store(one)
    server.faults.append(Answer(400, b"no"))
    sink.store(sealed_for(sink, batch("a", 3, 2)))
    assert server.uids() == expected(3)
    (dropped,) = sink.dropped
    assert (dropped.lines, dropped.spans) == (2, (("a", 30, 40), ("a", 40, 50)))


def test_a_request_that_is_too_long_for_the_server_is_sent_in_halves() -> None:
    with OtlpDouble(limit=1200) as server:
        sink = sink_of(server, request_bytes=1 << 20)
        sink.store(sealed_for(sink, with_values(batch("a", 0, 30), pod=["web", "db", "web"] * 10)))
        assert sorted(server.uids()) == sorted(expected(30))
        assert {r["k8s.pod.name"] for r, scope, _ in server.taken if scope == "tailrace"} == {"web", "db"}
        assert sink.counters["records"] == 31
        assert sink.dropped == []


def test_headers_and_a_token_go_with_each_request(server: OtlpDouble) -> None:
    sink = sink_of(server, headers=("x-api-key=a=b", "X-Scope=shop"), bearer="t\n")
    sink.store(sealed_for(sink, batch("a", 0, 2)))
    for asked in server.asked:
        assert [asked.headers.get(n) for n in ("x-api-key", "x-scope", "authorization")] == ["a=b", "shop", "Bearer t"]


def test_the_check_sends_an_empty_request(server: OtlpDouble) -> None:
    assert [f.ok for f in sink_of(server).check()] == [True]
    (finding,) = sink_of(server, path="/elsewhere").check()
    assert not finding.ok
    assert "mend url" in finding.mend
    assert server.taken == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"path": "v1/logs"}, "write it like /v1/logs"),
        ({"user": "u", "bearer": "t"}, "remove one of them"),
        ({"url": "grpc://host:4317"}, "write it like https://host"),
    ],
)
def test_a_setting_that_is_wrong_is_told_at_the_start(settings: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        OtlpSink.open(OtlpSettings(**{"url": "http://127.0.0.1:1", **settings}), Place())
