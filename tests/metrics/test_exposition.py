"""exposition: metrics to the two text formats, read again by parsers that are not ours."""

from __future__ import annotations

import gzip
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tailrace.metrics.described import Described, table
from tailrace.metrics.exposition import OPENMETRICS, PROMETHEUS, openmetrics, prometheus, rendered
from tailrace.metrics.labels import Labels

GAUGE = Described("g", "gauge", "A gauge.", ("x",))
COUNTER = Described("c_total", "counter", "A counter.")
ODD = Described("container_memory_failcnt", "counter", "A counter whose name has no _total, as cAdvisor has it.")


def test_the_text_is_what_prometheus_documents() -> None:
    found = [GAUGE.of([(Labels(x='a"b\\c\nd'), 1.5), (Labels(x=""), 2)]), COUNTER.one(3), ODD.one(4)]
    assert prometheus(found).decode() == (
        '# HELP g A gauge.\n# TYPE g gauge\ng{x="a\\"b\\\\c\\nd"} 1.5\ng{x=""} 2\n'
        "# HELP c_total A counter.\n# TYPE c_total counter\nc_total 3\n"
        f"# HELP container_memory_failcnt {ODD.help}\n# TYPE container_memory_failcnt counter\n"
        "container_memory_failcnt 4\n"
    )


def test_what_is_no_finite_number_is_written_as_both_formats_have_it() -> None:
    found = [GAUGE.of((Labels(x=str(n)), value) for n, value in enumerate((math.inf, -math.inf, math.nan)))]
    for text in (prometheus(found), openmetrics(found)):
        assert [line.split()[1] for line in text.decode().splitlines() if line[0] == "g"] == ["+Inf", "-Inf", "NaN"]


def test_openmetrics_has_a_counter_without_total_as_unknown() -> None:
    text = openmetrics([COUNTER.one(3), ODD.one(4), Described("u", "untyped", "U.").one(5)]).decode()
    assert [(m.name, m.type) for m in read_openmetrics(text)] == [
        ("c", "counter"), ("container_memory_failcnt", "unknown"), ("u", "unknown"),
    ]  # fmt: skip
    assert text.endswith("# EOF\n")


@given(st.lists(st.tuples(st.text(max_size=20), st.floats()), unique_by=lambda pair: pair[0], max_size=10))
def test_any_label_and_any_value_is_read_back(pairs: list[tuple[str, float]]) -> None:
    pairs = [(text.encode("utf-8", "replace").decode(), value) for text, value in pairs]
    pairs = list(dict(pairs).items())
    metrics = [GAUGE.of((Labels(x=text), value) for text, value in pairs)]
    for text, read in ((prometheus(metrics), read_text), (openmetrics(metrics), read_openmetrics)):
        again = [(s.labels["x"], s.value) for metric in read(text.decode()) for s in metric.samples]
        assert [name for name, _ in again] == [name for name, _ in pairs]
        for (_, there), (_, here) in zip(again, pairs, strict=True):
            assert there == here or (math.isnan(there) and math.isnan(here))


def test_plain_labels_are_rendered_as_ours_are() -> None:
    metric = GAUGE.empty()
    metric.add_sample("g", {"x": 'a"'}, 1)
    assert b'g{x="a\\""} 1\n' in prometheus([metric])


def test_a_family_without_samples_is_not_shown() -> None:
    assert prometheus([GAUGE.of([])]) == b""
    assert openmetrics([GAUGE.of([])]) == b"# EOF\n"


def test_a_histogram_of_prometheus_client_keeps_its_samples() -> None:
    metric = Metric("h", "H.", "histogram")
    for name, labels, value in (("h_bucket", {"le": "+Inf"}, 2), ("h_count", {}, 2), ("h_sum", {}, 3)):
        metric.add_sample(name, labels, value)
    (again,) = read_text(prometheus([metric]).decode())
    assert (again.type, len(again.samples)) == ("histogram", 3)


@pytest.mark.parametrize(
    ("accept", "encodings", "kind", "packed"),
    [
        ("", "", PROMETHEUS, False),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "identity", PROMETHEUS, False),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "gzip", OPENMETRICS, True),
        ("*/*", "deflate, GZIP;q=1.0", PROMETHEUS, True),
        ("*/*", "gzip;q=0", PROMETHEUS, False),
        ("*/*", "*", PROMETHEUS, True),
    ],
)
def test_the_client_chooses_format_and_encoding(accept: str, encodings: str, kind: str, packed: bool) -> None:
    body, headers = rendered([COUNTER.one(1)], accept, encodings)
    assert headers["Content-Type"] == kind
    assert headers.get("Content-Encoding") == ("gzip" if packed else None)
    text = gzip.decompress(body) if packed else body
    assert text == (openmetrics if kind == OPENMETRICS else prometheus)([COUNTER.one(1)])


def test_a_row_with_fewer_values_has_no_samples_of_the_last_families() -> None:
    rows = [(Labels(x="1"), (1, 2)), (Labels(x="2"), (3,))]
    families = (Described("a", "gauge", "A."), Described("b", "gauge", "B."), Described("c", "gauge", "C."))
    assert prometheus(table(families, rows)).decode().count("\n") == 7
    assert [metric.name for metric in table(families, rows)] == ["a", "b"]


def test_a_word_of_the_kernel_fills_name_and_help() -> None:
    family = Described("node_memory_*", "gauge", "Memory information field *.")
    metric = family.named("MemFree_bytes").one(1)
    assert (metric.name, metric.documentation) == (
        "node_memory_MemFree_bytes",
        "Memory information field MemFree_bytes.",
    )
    assert family.describes("node_memory_MemFree_bytes")
    assert not family.describes("node_memory_")
    assert not family.describes("xnode_memory_a")
