"""elasticsearch, on a double: whatever a cluster answers, no line is lost and none is there twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.elasticsearch import ElasticsearchSettings, ElasticsearchSink
from tests.delivery.made import batch
from tests.delivery.sealing import sealed_for
from tests.servers.answering import LOST, Answer
from tests.servers.bulk_double import BulkDouble

LINES, LEDGER, DEAD = "logs-tailrace-default", "logs-tailrace.ledger-default", "logs-tailrace.dead-default"
MAPPING = (400, "mapper_parsing_exception", "failed to parse field [restart] of type [integer]")


@pytest.fixture
def cluster() -> Iterator[BulkDouble]:
    with BulkDouble() as double:
        yield double


def sink_of(cluster: BulkDouble, **settings: Any) -> ElasticsearchSink:
    settings = {"request_bytes": 1024, **settings}
    return ElasticsearchSink.open(ElasticsearchSettings(url=cluster.url, **settings), Place())


def ids(cluster: BulkDouble, stream: str = LINES) -> list[str]:
    return sorted(cluster.streams.get(stream, {}), key=lambda i: int(i.split(":")[2]))


def expected(count: int) -> list[str]:
    return [f"n1:a:{10 * n}" for n in range(count)]


def bulks(cluster: BulkDouble) -> list[int]:
    """Lines in each bulk request of the lines' stream, in order."""
    return [a.body.count(b"\n") // 2 for a in cluster.asked if a.path.startswith(f"/{LINES}/_bulk")]


def test_an_object_is_sent_in_requests_within_the_limit_and_its_ledger_after_it(cluster: BulkDouble) -> None:
    sink = sink_of(cluster)
    sink.store(sealed_for(sink, batch("a", 0, 20)))
    assert ids(cluster) == expected(20)
    assert ids(cluster, LEDGER) == ["n1:a:0:delivered"]
    requests = [a for a in cluster.asked if "/_bulk" in a.path]
    assert len(requests) > 3
    assert all(len(a.body) <= 1024 for a in requests)
    assert all(a.headers["content-encoding"] == "gzip" for a in requests)
    assert LEDGER in requests[-1].path
    assert sink.counters["documents"] == 21
    assert sink.counters["sent_bytes"] == sum(a.sent for a in requests)


def test_storing_the_same_object_again_leaves_one_document_a_line(cluster: BulkDouble) -> None:
    for _ in range(2):
        sink = sink_of(cluster)  # a new process remembers nothing
        sink.store(sealed_for(sink, batch("a", 0, 20)))
    assert ids(cluster) == expected(20)
    assert sink.counters["repeated"] == 21
    assert sink.counters["documents"] == 0


def test_only_the_lines_that_were_returned_are_sent_again(cluster: BulkDouble) -> None:
    sink = sink_of(cluster, request_bytes=1 << 20)
    one = sealed_for(sink, batch("a", 0, 20))
    busy = (429, "es_rejected_execution_exception", "rejected execution of coordinating operation")
    cluster.refuse = lambda _, document: busy if document["file_offset"] % 30 == 0 else None
    with pytest.raises(Refused, match="7 documents were returned with 429") as refusal:
        sink.store(one)
    assert refusal.value.reason == "throttled"
    assert len(ids(cluster)) == 13
    cluster.refuse = lambda *_: None
    sink.store(one)
    assert ids(cluster) == expected(20)
    assert bulks(cluster) == [20, 7]
    assert sink.counters["returned"] == 7
    assert sink.counters["repeated"] == 0


def test_requests_that_were_taken_are_not_sent_again_after_one_in_the_middle_failed(cluster: BulkDouble) -> None:
    sink = sink_of(cluster)
    one = sealed_for(sink, batch("a", 0, 20))
    sink._installed = True
    taken = 3
    original, count = cluster.answer, iter(range(100))
    cluster.answer = lambda asked: original(asked) if next(count) != taken else Answer(503, b"no shard")  # type: ignore[method-assign]
    with pytest.raises(Refused, match="503") as refusal:
        sink.store(one)
    assert refusal.value.reason == "failed"
    before = bulks(cluster)
    cluster.answer = original  # type: ignore[method-assign]
    sink.store(one)
    assert ids(cluster) == expected(20)
    assert sum(bulks(cluster)) == 20 + before[-1], "but for the one that failed, each was sent once"


def test_a_lost_answer_costs_a_repeat_and_no_duplicate(cluster: BulkDouble) -> None:
    sink = sink_of(cluster, template=False)
    one = sealed_for(sink, batch("a", 0, 20))
    cluster.faults.append(LOST)
    with pytest.raises(Refused) as refusal:
        sink.store(one)
    assert refusal.value.reason == "unreachable"
    sink.store(one)
    assert ids(cluster) == expected(20)
    assert sink.counters["repeated"] > 0


def test_a_line_that_the_index_will_never_take_is_kept_as_a_dead_letter_and_blocks_nothing(
    cluster: BulkDouble, caplog: pytest.LogCaptureFixture
) -> None:
    sink = sink_of(cluster)
    cluster.refuse = lambda _, document: MAPPING if document.get("message") == "a 50" else None
    sink.store(sealed_for(sink, batch("a", 0, 20)))
    assert ids(cluster) == [i for i in expected(20) if i != "n1:a:50"]
    (letter,) = cluster.streams[DEAD].values()
    assert "failed to parse field [restart]" in letter["reason"]
    assert json.loads(letter["document"])["message"] == "a 50"
    assert list(cluster.streams[DEAD]) == ["n1:a:50"]
    assert sink.counters["dead_letters"] == 1
    assert "logs-tailrace-default will never take 1 documents" in caplog.text


def test_a_line_waits_if_its_dead_letter_is_not_taken_either(cluster: BulkDouble) -> None:
    sink = sink_of(cluster, request_bytes=1 << 20)
    one = sealed_for(sink, batch("a", 0, 20))
    cluster.refuse = lambda stream, document: (
        (503, "unavailable_shards_exception", "x")
        if stream == DEAD
        else MAPPING
        if document.get("message") == "a 50"
        else None
    )
    with pytest.raises(Refused):
        sink.store(one)
    cluster.refuse = lambda *_: None
    sink.store(one)
    assert ids(cluster) == expected(20)
    assert bulks(cluster) == [20, 1]


def test_an_error_of_the_index_is_no_error_of_the_document(cluster: BulkDouble) -> None:
    """A cluster with as many shards as it may have says 400 to each line: they wait, they are no dead letters."""
    sink = sink_of(cluster)
    reason = "Validation Failed: 1: this action would add [2] shards, but this cluster has [1000]/[1000] maximum shards"
    cluster.refuse = lambda *_: (400, "validation_exception", reason)
    one = sealed_for(sink, batch("a", 0, 3))
    with pytest.raises(Refused, match="maximum shards") as refusal:
        sink.store(one)
    assert refusal.value.reason == "rejected"
    assert DEAD not in cluster.streams


@pytest.mark.parametrize(
    ("status", "kind", "said", "reason"),
    [
        (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete]", "full"),
        (403, "security_exception", "action [indices:data/write] is unauthorized", "denied"),
        (404, "index_not_found_exception", "no such index [x] and [action.auto_create_index] is [false]", "missing"),
        (503, "unavailable_shards_exception", "primary shard is not active", "failed"),
    ],
)
def test_what_a_line_was_returned_for_is_said(
    cluster: BulkDouble, status: int, kind: str, said: str, reason: str
) -> None:
    sink = sink_of(cluster)
    cluster.refuse = lambda *_: (status, kind, said)
    with pytest.raises(Refused) as refusal:
        sink.store(sealed_for(sink, batch("a", 0, 3)))
    assert refusal.value.reason == reason
    assert said in refusal.value.what


def test_a_request_that_is_too_long_for_the_server_is_sent_in_halves() -> None:
    with BulkDouble(limit=1500) as cluster:
        sink = sink_of(cluster, request_bytes=1 << 20)
        sink.store(sealed_for(sink, batch("a", 0, 20)))
        assert ids(cluster) == expected(20)
        assert sink.counters["repeated"] == 0


def test_an_answer_that_does_not_speak_of_each_line_is_not_believed(cluster: BulkDouble) -> None:
    sink = sink_of(cluster, template=False)
    one = sealed_for(sink, batch("a", 0, 3))
    for body in (b'{"errors":false,"items":[]}', b"<html>", b'{"errors":false}'):
        cluster.faults.append(Answer(200, body))
        with pytest.raises(Refused, match=r"speaks of 0 rows|is not one of a bulk API"):
            sink.store(one)
    sink.store(one)
    assert ids(cluster) == expected(3)


@pytest.mark.parametrize(("distribution", "flat"), [("", "flattened"), ("opensearch", "flat_object")])
def test_the_template_is_installed_once_in_the_cluster_s_own_words(distribution: str, flat: str) -> None:
    with BulkDouble(distribution) as cluster:
        for _ in range(2):
            sink = sink_of(cluster)
            sink.store(sealed_for(sink, batch("a", 0, 3)))
        template = cluster.templates["tailrace-tailrace"]
        assert template["template"]["mappings"]["properties"]["labels"] == {"type": flat}
        assert template["template"]["mappings"]["dynamic"] is False
        assert [a.path for a in cluster.asked if a.method == "PUT"] == ["/_index_template/tailrace-tailrace"]


def test_a_template_that_may_not_be_installed_says_which_privilege_is_missing(cluster: BulkDouble) -> None:
    sink = sink_of(cluster)
    cluster.faults.append(Answer(403, b'{"error":"not allowed"}'))
    with pytest.raises(Refused, match=r"cluster privileges monitor and manage_index_templates.*template: false"):
        sink.store(sealed_for(sink, batch("a", 0, 3)))
    assert LINES not in cluster.streams


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"api_key": "abc=\n"}, "ApiKey abc="),
        ({"user": "u", "password": "p\n"}, "Basic dTpw"),
    ],
)
def test_each_request_says_who_asks(cluster: BulkDouble, settings: dict[str, str], said: str) -> None:
    sink = sink_of(cluster, **settings)
    sink.store(sealed_for(sink, batch("a", 0, 3)))
    assert {a.headers.get("authorization") for a in cluster.asked} == {said}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"url": ""}, "needs the server's address"),
        ({"url": "localhost:9200"}, "write it like https://host"),
        ({"url": "http://u:p@host"}, "write it in user and password"),
        ({"dataset": "my-shop"}, "can't be part of a data stream's name"),
        ({"namespace": "Prod"}, "can't be part of a data stream's name"),
        ({"user": "u", "api_key": "k"}, "remove one of them"),
        ({"password": "p"}, "set user"),
    ],
)
def test_a_setting_that_is_wrong_is_told_at_the_start(settings: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ElasticsearchSink.open(ElasticsearchSettings(**{"url": "http://127.0.0.1:1", **settings}), Place())


def test_the_online_check_tells_a_cluster_that_is_there_from_one_that_denies(cluster: BulkDouble) -> None:
    sink = sink_of(cluster)
    assert [f.ok for f in sink.check()] == [True, True]
    cluster.faults.append(Answer(401, b"missing authentication"))
    (finding,) = sink.check()
    assert not finding.ok
    assert "who we are was not accepted" in finding.what
    assert cluster.streams == {}, "it leaves nothing behind"
