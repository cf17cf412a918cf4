"""elasticsearch, on a real OpenSearch: its data streams, template and errors are as the sink takes them to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.elasticsearch import ElasticsearchSettings, ElasticsearchSink
from tailrace.lake import LEDGER, LOGS
from tests.delivery.made import HOUR, batch
from tests.delivery.sealing import sealed_for, with_values
from tests.servers import opensearch
from tests.servers.opensearch import OpenSearch
from tests.servers.parts import need
from tests.servers.proxy import Proxy
from tests.test_opensearch_dashboard import used_fields


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    need(opensearch.found(), "OpenSearch, or a Java of 21 or newer,")
    with OpenSearch(tmp_path_factory.mktemp("opensearch")) as server:
        yield server


def sink_of(url: str, dataset: str, **settings: Any) -> ElasticsearchSink:
    """Each test has a dataset of its own."""
    chosen = ElasticsearchSettings(url=url, dataset=dataset, **{"request_bytes": 2048, **settings})
    return ElasticsearchSink.open(chosen, Place())


def ids(cluster: OpenSearch, stream: str) -> list[str]:
    return sorted((d["_id"] for d in cluster.documents(stream)), key=lambda i: int(i.rpartition(":")[2]))


def test_lines_and_ledger_are_data_streams_with_the_lake_s_columns(cluster: OpenSearch) -> None:
    sink = sink_of(cluster.url, "columns")
    labels = '{"app":"web","app.kubernetes.io/name":"x"}'
    one = with_values(batch("a", 0, 3), labels=[labels, None, labels], ts=[HOUR + 1, None, HOUR + 3])
    sink.store(sealed_for(sink, one))
    first, second, _ = sorted(cluster.documents("logs-columns-default"), key=lambda d: d["file_offset"])
    assert first["labels"] == {"app": "web", "app.kubernetes.io/name": "x"}
    assert first["@timestamp"] == "2026-11-20T22:00:00.000001Z"
    assert second["@timestamp"] == second["ingest_ts"], "a line without a time of its own has the agent's"
    (row,) = cluster.documents("logs-columns.ledger-default")
    assert (row["account"], row["from_offset"], row["to_offset"], row["lines"]) == ("delivered", 0, 30, 3)
    (stream,) = cluster.ask("GET", "/_data_stream/logs-columns-default")["data_streams"]
    assert stream["template"] == "tailrace-columns"
    for name, table in (("logs-columns-default", LOGS), ("logs-columns.ledger-default", LEDGER)):
        (found,) = cluster.ask("GET", f"/{name}/_mapping").values()
        assert {c.name for c in table.columns} <= set(found["mappings"]["properties"])


def test_a_line_is_found_by_label_by_word_and_by_time(cluster: OpenSearch) -> None:
    sink = sink_of(cluster.url, "search")
    one = with_values(
        batch("a", 0, 3),
        labels=['{"app":"web"}', '{"app":"db"}', None],
        message=["GET /cart 500", "vacuum done", "x" * 100_000],
        trace_id=["t" * 40_000, None, None],  # longer than a term may be
    )
    sink.store(sealed_for(sink, one))

    def count(query: dict[str, Any]) -> int:
        cluster.ask("POST", "/logs-search-default/_refresh")
        return int(cluster.ask("POST", "/logs-search-default/_count", {"query": query})["count"])

    assert count({"match_all": {}}) == 3
    assert count({"term": {"labels.app": "web"}}) == 1
    assert count({"match": {"message": "cart"}}) == 1
    assert count({"range": {"ts": {"gte": "2026-11-20T22:00:00Z", "lt": "2026-11-20T23:00:00Z"}}}) == 3
    assert sink.counters["dead_letters"] == 0


def test_an_object_that_is_stored_again_leaves_one_document_a_line(cluster: OpenSearch) -> None:
    for _ in range(2):
        sink = sink_of(cluster.url, "again")
        sink.store(sealed_for(sink, batch("a", 0, 50)))
    assert ids(cluster, "logs-again-default") == [f"n1:a:{10 * n}" for n in range(50)]
    assert sink.counters["repeated"] == 51


@pytest.mark.parametrize("at", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("fault", ["lose", "cut", "refuse"])
def test_a_connection_that_breaks_in_the_middle_loses_and_doubles_nothing(
    cluster: OpenSearch, fault: str, at: int
) -> None:
    """The greeting, the look at the template, and requests of lines: any one may be the one that breaks."""
    dataset = f"{fault}.{at}"
    first = sink_of(cluster.url, dataset)
    first.store(sealed_for(first, batch("a", 0, 1)))
    one = sealed_for(first, batch("a", 1, 29))
    with Proxy(cluster.port) as proxy:
        sink = sink_of(proxy.endpoint, dataset)
        original, calls = sink._http.call, iter(range(100))

        def breaking(*args: Any, **more: Any) -> Any:
            if next(calls) == at:
                sink._http.close()  # so that the fault meets a new connection
                proxy.fail(fault, 1, after=100)
            return original(*args, **more)

        sink._http.call = breaking  # type: ignore[method-assign]
        with pytest.raises(Refused) as refusal:
            sink.store(one)
        assert refusal.value.reason == "unreachable"
        assert proxy.struck == 1
        sink._http.close()
        proxy.fail("")
        sink.store(one)
    assert ids(cluster, f"logs-{dataset}-default") == [f"n1:a:{10 * n}" for n in range(30)]
    assert len(cluster.documents(f"logs-{dataset}.ledger-default")) == 2


def test_labels_that_are_no_object_make_a_dead_letter(cluster: OpenSearch) -> None:
    sink = sink_of(cluster.url, "dead")
    one = with_values(batch("a", 0, 3), labels=['{"app":"web"}', "broken", None])
    sink.store(sealed_for(sink, one))
    assert ids(cluster, "logs-dead-default") == ["n1:a:0", "n1:a:20"]
    (letter,) = cluster.documents("logs-dead.dead-default")
    assert letter["_id"] == "n1:a:10"
    assert '"labels":"broken"' in letter["document"]
    assert "labels" in letter["reason"]


def test_a_cluster_without_room_says_so_and_gets_the_lines_later(cluster: OpenSearch) -> None:
    sink = sink_of(cluster.url, "full")
    sink.store(sealed_for(sink, batch("a", 0, 1)))
    cluster.ask("PUT", "/logs-full-default/_settings", {"index.blocks.read_only_allow_delete": True})
    more = sealed_for(sink, batch("a", 1, 20))
    with pytest.raises(Refused, match="read-only") as refusal:
        sink.store(more)
    assert refusal.value.reason in ("full", "throttled")
    cluster.ask("PUT", "/logs-full-default/_settings", {"index.blocks.read_only_allow_delete": None})
    sink.store(more)
    assert ids(cluster, "logs-full-default") == [f"n1:a:{10 * n}" for n in range(21)]


def test_the_template_that_is_there_already_is_left_alone(cluster: OpenSearch) -> None:
    for _ in range(2):
        sink = sink_of(cluster.url, "template")
        asked: list[str] = []
        original = sink._http.call

        def noted(
            method: str, path: str, *args: Any, asked: list[str] = asked, call: Any = original, **more: Any
        ) -> Any:
            asked.append(method)
            return call(method, path, *args, **more)

        sink._http.call = noted  # type: ignore[method-assign]
        sink.store(sealed_for(sink, batch("a", 0, 1)))
    assert "PUT" not in asked
    assert all(f.ok for f in sink.check())


def test_every_field_of_the_dashboard_can_be_shown_as_it_shows_it(cluster: OpenSearch) -> None:
    """What is grouped by or summed must be aggregatable in the mapping that the template gives."""
    sink = sink_of(cluster.url, "tailrace")
    sink.store(sealed_for(sink, batch("a", 0, 3)))
    for title, kind, fields in used_fields():
        if kind != "visualization":
            continue
        caps = cluster.ask("GET", f"/{title}/_field_caps?fields={','.join(sorted(fields))}")["fields"]
        assert {field for field in fields for found in caps[field].values() if found["aggregatable"]} == fields, title
