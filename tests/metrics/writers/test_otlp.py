"""otlp: what is sent a collector of another project understands, and OpenTelemetry's classes read it as it is meant."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from prometheus_client.core import Metric

from tailrace import __version__
from tailrace.delivery.refusal import Refused
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.otlp import OtlpSettings, OtlpWriter
from tests.metrics.writers.made import AT, PLACE, counted, family, look, samples
from tests.servers import rotel
from tests.servers.answering import Answer
from tests.servers.otlp_metrics_double import OtlpMetricsDouble, Point
from tests.servers.parts import need

BOOT = family("node_boot_time_seconds", "gauge", (Labels(), AT - 5000.5))


def writer_of(url: str, **settings: object) -> OtlpWriter:
    return OtlpWriter.open(OtlpSettings(url=url, **settings), PLACE)  # type: ignore[arg-type]


def as_samples(points: list[Point]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(p.name, tuple(sorted(p.attributes.items()))): p.value for p in points}


def numbers(metrics: list[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {key: value for key, value in samples(metrics).items() if value == value}


def test_every_sample_is_a_point_with_its_labels_its_kind_and_its_moment() -> None:
    with OtlpMetricsDouble() as server:
        writer = writer_of(server.url)
        writer.write([*look(), BOOT], AT + 0.25)
        writer.write(look(5.0), AT + 60.25)
    first, second = server.points[:6], server.points[6:]
    assert as_samples(first) == numbers([*look(), BOOT])
    assert as_samples(second) == numbers(look(5.0))
    assert {p.at for p in first} == {round((AT + 0.25) * 1e9)}
    assert {p.name: (p.kind, p.start) for p in first} == {
        "node_load1": ("gauge", 0), "node_info": ("gauge", 0), "node_boot_time_seconds": ("gauge", 0),
        "node_cpu_seconds_total": ("sum", round((AT - 5000.5) * 1e9)),
        "container_cpu_usage_seconds_total": ("sum", round((AT - 5000.5) * 1e9)),
    }  # fmt: skip
    assert {p.start for p in second} == {0}, "it is not said when counting began"
    assert {p.help for p in first if p.name == "node_load1"} == {"Help of node_load1."}
    assert server.resources[0] == {
        "service.name": "tailrace", "service.version": __version__, "service.instance.id": "n1",
        "k8s.cluster.name": "c1", "k8s.node.name": "n1", "host.name": "n1",
    }  # fmt: skip
    assert (writer.counters.samples, counted(writer.counters.dropped)) == (11, {"not_finite": 2})


def test_a_collector_of_another_project_takes_it_and_hands_all_of_it_on(tmp_path: Path) -> None:
    need(rotel.found(), "rotel-agent")
    many = family("many", "gauge", *((Labels(n=str(n), é="ü"), n / 8) for n in range(9000)))
    with OtlpMetricsDouble() as server, rotel.Rotel(tmp_path, server.url) as collector:
        writer = writer_of(collector.url)
        writer.write([*look(), BOOT, many], AT)
        end = time.monotonic() + 60
        while len(server.points) < 9006 and time.monotonic() < end:
            time.sleep(0.02)
    assert as_samples(server.points) == numbers([*look(), BOOT, many])
    sums = {p.name for p in server.points if p.kind == "sum"}
    assert sums == {"node_cpu_seconds_total", "container_cpu_usage_seconds_total"}
    assert server.resources[0]["k8s.node.name"] == "n1"
    assert (writer.counters.samples, writer.waiting) == (9006, 0)


@pytest.mark.parametrize("count", [1, 3999, 4000, 4001, 8001])
def test_no_request_has_more_points_than_it_may_and_none_is_missing(count: int) -> None:
    families = [
        family("one", "gauge", *((Labels(n=str(n)), float(n)) for n in range(count))),
        family("two_total", "counter", (Labels(), 1.0)),
    ]
    with OtlpMetricsDouble() as server:
        writer = writer_of(server.url, compression="none")
        payloads = list(writer.encode(families, AT))
        writer.write(families, AT)
    assert max(payload.samples for payload in payloads) <= 4000
    assert sum(payload.samples for payload in payloads) == count + 1
    assert as_samples(server.points) == numbers(families)


def test_a_histogram_s_parts_are_sums_by_their_own_names_and_a_summary_s_quantiles_gauges() -> None:
    histogram, summary = Metric("h", "H", "histogram"), Metric("s", "S", "summary")
    for bound, count in (("0.5", 1.0), ("+Inf", 3.0)):
        histogram.add_sample("h_bucket", Labels(le=bound), count)
    histogram.add_sample("h_sum", Labels(), 2.5)
    summary.add_sample("s", Labels(quantile="0.9"), 0.25)
    summary.add_sample("s_count", Labels(), 4.0)
    with OtlpMetricsDouble() as server:
        writer_of(server.url).write([histogram, summary], AT)
    assert [(p.name, p.kind, p.value) for p in server.points] == [
        ("h_bucket", "sum", 1.0), ("h_bucket", "sum", 3.0), ("h_sum", "sum", 2.5), ("s", "gauge", 0.25),
        ("s_count", "sum", 4.0),
    ]  # fmt: skip


def test_points_that_the_server_rejects_are_counted_and_not_sent_again() -> None:
    with OtlpMetricsDouble(reject=2) as server:
        writer = writer_of(server.url, only=("node_cpu_*", "node_load1"))
        writer.write(look(), AT)
    assert (writer.counters.samples, counted(writer.counters.dropped), writer.waiting) == (1, {"rejected": 2}, 0)


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (Answer(401), "denied", "check user, password or key"),
        (Answer(404), "missing", "mend url"),
        (Answer(429, headers={"retry-after": "7"}), "throttled", "answered 429"),
        (Answer(400, b"no"), "rejected", "answered 400"),
        (Answer(503), "failed", "answered 503"),
        (Answer(200, b"\xff\xff not OTLP"), "missing", "another server answers there"),
    ],
)
def test_what_a_server_answers_is_told_and_the_look_waits(answer: Answer, reason: str, said: str) -> None:
    with OtlpMetricsDouble() as server:
        writer = writer_of(server.url)
        server.faults.append(answer)
        with pytest.raises(Refused, match=said) as caught:
            writer.write(look(), AT)
        assert (caught.value.reason, writer.waiting > 0) == (reason, True)
        writer.write(look(1.0), AT + 60)
    assert len(server.points) == 10


def test_requests_are_signed_for_aws_with_the_bytes_that_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    with OtlpMetricsDouble() as server:
        writer_of(server.url, sign="monitoring", region="eu-west-1").write(look(), AT)
    (asked,) = server.asked
    given = asked.headers["authorization"]
    assert given.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/monitoring/aws4_request" in given
    assert asked.headers["x-amz-security-token"] == "session"
    # Signed once more by botocore, at the same moment: the headers and the bytes must be those that were sent.
    request = AWSRequest("POST", f"{server.url}/v1/metrics", data=gzip.compress(asked.body, 1))
    request.headers["X-Amz-Date"] = asked.headers["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "session"
    request.context["timestamp"] = asked.headers["x-amz-date"]
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "session"), "monitoring", "eu-west-1")
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    assert given.rpartition("Signature=")[2] == auth.signature(to_sign, request)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": ""}, "needs the server's address"),
        ({"bearer": "b", "user": "u"}, "has bearer and user"),
        ({"sign": "monitoring", "bearer": "b"}, "two of bearer, user, sign"),
        ({"path": "v1"}, "write it like /v1/metrics"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        writer_of(**{"url": "http://127.0.0.1:1", **settings})
