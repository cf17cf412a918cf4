"""cloudwatch: what AWS takes is there, what it does not is counted, and no failure costs a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import Place
from tailrace.delivery.sinks.cloudwatch import CloudwatchSettings, CloudwatchSink
from tailrace.lake import HOUR_US
from tests.delivery.made import HOUR, batch
from tests.delivery.sealing import sealed_for, with_values
from tests.servers.answering import LOST, Answer
from tests.servers.logs_double import DAY_MS, FAILED, THROTTLED, UNAVAILABLE, LogsDouble, error, moto

NOW_MS = HOUR // 1000 + 5000
GROUP, STREAM, LEDGER = "/tailrace/c1/shop", "web/app", "/tailrace/c1/ledger"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture
def logs(behind: str) -> Iterator[LogsDouble]:
    with LogsDouble(behind, NOW_MS) as double:
        yield double


def sink_of(logs: LogsDouble, **settings: Any) -> CloudwatchSink:
    chosen = CloudwatchSettings(region="eu-west-1", endpoint=logs.url, **settings)
    return CloudwatchSink.open(chosen, Place(cluster="c1", node="n1"))


def offsets(logs: LogsDouble, stream: str = STREAM) -> list[int]:
    return [json.loads(m)["file_offset"] for m in logs.messages(GROUP, stream)]


def test_lines_go_to_their_pod_s_stream_in_order_of_time_and_groups_are_made_with_a_retention(logs: LogsDouble) -> None:
    sink = sink_of(logs)
    one = with_values(batch("a", 0, 4), pod=["web", "db", "web", "db"], ts=[HOUR + 3000, HOUR + 2000, None, HOUR])
    sink.store(sealed_for(sink, one))
    assert offsets(logs, "web/app") == [20, 0], "a line without a time has the agent's"
    assert offsets(logs, "db/app") == [30, 10]
    assert json.loads(logs.messages(GROUP, "db/app")[0]) == {
        "node": "n1", "stream": "stdout", "file": "a", "file_offset": 30, "message": "a 30",
    }  # fmt: skip
    (row,) = (json.loads(m) for m in logs.messages(LEDGER, "n1"))
    assert (row["account"], row["from_offset"], row["to_offset"], row["lines"]) == ("delivered", 0, 40, 4)
    groups = {g["logGroupName"]: g.get("retentionInDays") for g in logs.ask("DescribeLogGroups")["logGroups"]}
    assert groups == {GROUP: 30, LEDGER: 30}
    assert (sink.counters["events"], sink.counters["streams"], sink.counters["groups"]) == (5, 3, 2)


def test_a_second_object_makes_nothing_anew(logs: LogsDouble) -> None:
    sink = sink_of(logs)
    sink.store(sealed_for(sink, batch("a", 0, 2)))
    before = len(logs.calls())
    sink.store(sealed_for(sink, batch("a", 2, 2)))
    assert logs.calls()[before:] == ["PutLogEvents", "PutLogEvents"]
    assert offsets(logs) == [0, 10, 20, 30]


def test_text_is_the_message_alone_and_an_empty_one_a_space(logs: LogsDouble) -> None:
    sink = sink_of(logs, format="text", stream="{container}", retention_days=0)
    messages = ['{"a":"\\n"}', "", 'tab\tquote" back\\ é€😀 \x01']
    sink.store(sealed_for(sink, with_values(batch("a", 0, 3), message=messages)))
    assert logs.messages(GROUP, "app") == [messages[0], " ", messages[2]]
    assert "PutRetentionPolicy" not in logs.calls()


def test_no_call_is_larger_than_aws_takes(logs: LogsDouble) -> None:
    """The double refuses what breaks a limit; 25,000 short lines and 30 long ones are more than one call may hold."""
    sink = sink_of(logs, format="text")
    sink.store(sealed_for(sink, batch("a", 0, 25_000)))
    assert [len(c["logEvents"]) for c in logs.put[:3]] == [10_000, 10_000, 5_000]
    before = len(logs.put)
    sink.store(sealed_for(sink, with_values(batch("b", 0, 30), message=["é" * 50_000] * 30)))
    assert [len(c["logEvents"]) for c in logs.put[before:-1]] == [10, 10, 10]


def test_lines_of_more_than_a_day_are_divided(logs: LogsDouble) -> None:
    sink = sink_of(logs)
    times = [HOUR - 3 * DAY_MS * 1000 + n * DAY_MS * 500 for n in range(6)]
    sink.store(sealed_for(sink, with_values(batch("a", 0, 6), ts=times)))
    assert [len(c["logEvents"]) for c in logs.put[:-1]] == [2, 2, 2]


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_that_is_too_long_is_cut_and_counted(logs: LogsDouble, form: str) -> None:
    sink = sink_of(logs, format=form, event_bytes=2048)
    messages = ["short", "é" * 5000, '"' * 5000, "short", "x" * 1_500]
    sink.store(sealed_for(sink, with_values(batch("a", 0, 5), message=messages)))
    found = logs.messages(GROUP, STREAM)
    sizes = [len(m.encode()) + 26 for m in found]
    assert max(sizes) <= 2048
    assert sizes[1] > 1900
    assert sink.counters["cut"] == 2
    texts = [json.loads(m) for m in found] if form == "json" else [{"message": m} for m in found]
    for text, message in zip(texts, messages, strict=True):
        assert message.startswith(text["message"])
    if form == "json":
        assert [t.get("cut") for t in texts] == [None, "size", "size", None, None]


def test_a_region_with_the_former_limit_gets_shorter_events(behind: str) -> None:
    with LogsDouble(behind, NOW_MS, event_limit=262_144) as logs:
        sink = sink_of(logs, format="text")
        sink.store(sealed_for(sink, with_values(batch("a", 0, 3), message=["short", "x" * 500_000, "short"])))
        assert [len(m) for m in logs.messages(GROUP, STREAM)] == [5, 262_118, 5]
        assert sink.counters["cut"] == 1


def test_what_is_too_old_too_new_or_expired_is_counted_and_named(
    logs: LogsDouble, caplog: pytest.LogCaptureFixture
) -> None:
    sink = sink_of(logs, retention_days=7)
    hours = [-14 * 24 - 3, -14 * 24 - 2, -14 * 24 + 2, 0, 1, 3]
    times = [HOUR + hour * HOUR_US for hour in hours]
    one = sealed_for(sink, with_values(batch("a", 0, 6), ts=times))
    sink.store(one)
    assert offsets(logs) == [30, 40]
    found = {(d.key, d.reason): (d.lines, d.spans) for d in sink.dropped}
    assert found == {
        (one.key, "too_old"): (2, (("a", 0, 10), ("a", 10, 20))),
        (one.key, "expired"): (1, (("a", 20, 30),)),
        (one.key, "too_new"): (1, (("a", 50, 60),)),
    }
    assert [sink.counters[n] for n in ("too_old", "expired", "too_new", "events")] == [2, 1, 1, 3]
    assert "AWS did not take 2 events of /tailrace/c1/shop, web/app, for they are too old" in caplog.text


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(THROTTLED, "throttled"), (UNAVAILABLE, "throttled"), (FAILED, "failed"), (Answer(502), "failed")],
)
@pytest.mark.parametrize("at", range(6))
def test_a_failure_at_any_call_loses_nothing_and_what_was_taken_is_not_sent_again(
    logs: LogsDouble, fault: Answer, reason: str, at: int
) -> None:
    """At first put, at the stream, group, retention, the stream again, and at the put after them."""
    sink = sink_of(logs)
    one = sealed_for(sink, with_values(batch("a", 0, 4), pod=["web", "db", "web", "db"]))
    original, calls = logs.answer, iter(range(1000))
    logs.answer = lambda asked: fault if next(calls) == at else original(asked)  # type: ignore[method-assign]
    with pytest.raises(Refused) as refusal:
        sink.store(one)
    assert refusal.value.reason == reason
    sink.store(one)
    assert (offsets(logs, "web/app"), offsets(logs, "db/app")) == ([0, 20], [10, 30])
    assert len(logs.messages(LEDGER, "n1")) == 1


def test_a_lost_answer_leaves_events_twice_that_their_identity_tells(logs: LogsDouble) -> None:
    sink = sink_of(logs)
    sink.store(sealed_for(sink, batch("a", 0, 1)))
    one = sealed_for(sink, batch("a", 1, 3))
    logs.faults.append(LOST)
    with pytest.raises(Refused) as refusal:
        sink.store(one)
    assert refusal.value.reason == "unreachable"
    sink.store(one)
    assert sorted(offsets(logs)) == [0, 10, 10, 20, 20, 30, 30]


def test_a_group_that_is_denied_keeps_no_other_back_and_says_what_to_allow(logs: LogsDouble) -> None:
    sink = sink_of(logs, group="/tailrace/{pod}")
    one = sealed_for(sink, with_values(batch("a", 0, 2), pod=["web", "db"]))
    said = "User: arn:aws:sts::1:x is not authorized to perform: logs:PutLogEvents because no policy allows it"
    logs.faults.append(error("AccessDeniedException", said))
    with pytest.raises(
        Refused, match=r'"logs:CreateLogStream", "logs:PutLogEvents".*log-group:/tailrace/web'
    ) as refusal:
        sink.store(one)
    assert refusal.value.reason == "denied"
    assert len(logs.messages("/tailrace/db", "db/app")) == 1
    sink.store(one)
    assert len(logs.messages("/tailrace/web", STREAM)) == len(logs.messages("/tailrace/db", "db/app")) == 1


def test_the_check_leaves_nothing_behind(logs: LogsDouble) -> None:
    sink = sink_of(logs)
    assert [f.ok for f in sink.check()] == [True]
    assert logs.ask("DescribeLogGroups")["logGroups"] == []
    logs.faults.append(error("AccessDeniedException", "no"))
    with pytest.raises(Refused, match="logs:PutLogEvents"):
        list(sink.check())


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"group": "/x/{message}"}, r"\{message\} is none of"),
        ({"group": "/x/{labels}"}, r"\{labels\} is none of"),
        ({"group": ""}, "it is empty"),
        ({"stream": "a:{pod}"}, "':' can't be part"),
        ({"stream": "{pod"}, "expected '}'"),
        ({"ledger_group": "/x/{pod}"}, "may name {cluster} and {node} only"),
        ({"retention_days": 8}, "AWS takes 0"),
    ],
)
def test_a_setting_that_is_wrong_is_told_at_the_start(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        CloudwatchSink.open(CloudwatchSettings(region="eu-west-1", **settings), Place())


def test_names_that_aws_would_refuse_are_made_legal(logs: LogsDouble) -> None:
    sink = sink_of(logs, group="/x/{workload}", stream="{container}")
    one = with_values(batch("a", 0, 2), container=["a:b*c", "ok"], workload=[None, "w"])
    sink.store(sealed_for(sink, one))
    assert len(logs.messages("/x/none", "a_b_c")) == len(logs.messages("/x/w", "ok")) == 1
