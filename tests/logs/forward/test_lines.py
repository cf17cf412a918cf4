"""lines: whose a record is, and which line it gives."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest

from tailrace.delivery.fluent.protocol import EventTime, ProtocolError
from tailrace.logs.forward.lines import rendered
from tests.logs.forward.sender import AT

TIME = EventTime(AT * 1_000_000_000 + 5)


def lines(record: Any, tag: str = "app", time: Any = TIME) -> dict[tuple[str, str, str], list[str]]:
    found = rendered(tag, [(time, record)], lambda _: False).lines
    return {
        (o.namespace, o.pod, o.container): data.decode(errors="surrogateescape").splitlines()
        for o, data in found.items()
    }


def only(record: Any, **more: Any) -> str:
    ((line,),) = lines(record, **more).values()
    return line


def test_a_record_that_only_wraps_a_text_gives_the_text() -> None:
    stamp = "2026-11-20T10:00:00.000000005Z"
    assert only({"log": "hello\r\n"}) == f"{stamp} stdout F hello"
    assert only({"message": "hello"}) == f"{stamp} stdout F hello"
    assert only({"log": "oh", "source": "stderr"}) == f"{stamp} stderr F oh"
    assert only({"log": ""}) == f"{stamp} stdout F "


def test_any_other_record_gives_itself_as_one_line_of_json() -> None:
    record = {"message": "a\nb", "level": "warn", "deep": {"n": [1, 2.5, None]}}
    assert json.loads(only(record).partition(" F ")[2]) == record
    assert only({}).endswith(" F {}")


def test_a_text_of_several_lines_gives_them_as_a_container_would_have_printed_them() -> None:
    ((*found,),) = lines({"log": "Traceback:\n  x\nValueError"}).values()
    assert [line.partition(" F ")[2] for line in found] == ["Traceback:", "  x", "ValueError"]


DOCKER = {
    "container_id": "4f2a" * 16, "container_name": "/web-1", "source": "stdout", "log": "hi",
}  # fmt: skip


def test_dockers_records_name_the_container_and_its_partial_lines_go_on() -> None:
    assert list(lines(DOCKER)) == [("forward", "web-1", "web-1")]
    part = {**DOCKER, "partial_message": "true", "partial_id": "x", "partial_ordinal": "1", "partial_last": "false"}
    assert " stdout P hi" in only(part)
    assert " stdout F hi" in only({**part, "partial_last": "true"})


def test_firelens_records_name_cluster_task_and_container() -> None:
    record = {
        **DOCKER, "ecs_cluster": "prod", "ecs_task_arn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0abc",
        "ecs_task_definition": "web:7", "container_name": "ecs-web-7-app-c4", "ec2_instance_id": "i-1",
    }  # fmt: skip
    assert list(lines(record, "app-firelens-0abc")) == [("prod", "0abc", "app")]
    assert only(record, tag="app-firelens-0abc").endswith(" F hi")
    assert list(lines({"log": "x"}, "app-firelens-0abc")) == [("forward", "0abc", "app")]


def test_kubernetes_records_keep_their_pod() -> None:
    pod = {
        "namespace_name": "shop",
        "pod_name": "web-0",
        "pod_id": "uid-1",
        "container_name": "app",
        "labels": {"a": "b"},
    }
    record = {"log": "x", "stream": "stderr", "_p": "F", "time": "…", "kubernetes": pod}
    assert list(lines(record, "kube.var.log")) == [("shop", "web-0", "app")]
    assert only(record).endswith(" stderr F x")


@pytest.mark.parametrize("tag", ["../../etc", "a_b_c", "a/b", "..", "", "x" * 500, "näme\n", "\udcff"])
def test_no_name_leads_out_of_the_spool(tag: str) -> None:
    for record in (
        {"log": "x"},
        {"log": "x", "container_name": tag},
        {"log": "x", "ecs_task_arn": tag, "ecs_cluster": tag},
    ):
        (origin,) = rendered(tag, [(TIME, record)], lambda _: False).lines
        folder = f"{origin.namespace}_{origin.pod}_{origin.pod_uid}"
        assert folder.isascii()
        assert folder.count("_") == 2
        assert len(folder) <= 255
        assert not {"/", "\n"} & {*folder, *origin.container}
        assert origin.container not in ("", ".", "..")


def test_bytes_that_are_no_text_come_through_as_they_are() -> None:
    assert rendered("a", [(TIME, {"log": "caf\udce9"})], lambda _: False).bytes > 0
    (data,) = rendered("a", [(TIME, {"log": "caf\udce9"})], lambda _: False).lines.values()
    assert data.endswith(b" F caf\xe9\n")
    assert only({"a": "caf\udce9"}).endswith(' F {"a": "caf\\udce9"}')
    assert only({"a": msgpack.ExtType(5, b"\1")}).endswith('{"a":[5,"AQ=="]}')


@pytest.mark.parametrize("time", [AT, float(AT), [TIME, {"meta": 1}]])
def test_all_forms_of_time_are_read(time: Any) -> None:
    assert only({"log": "x"}, time=time).startswith("2026-11-20T10:00:00.00000000")


@pytest.mark.parametrize("time", ["now", None, -1, 1e20, float("nan"), [], {}])
def test_a_time_that_is_none_is_refused(time: Any) -> None:
    with pytest.raises(ProtocolError, match="time"):
        lines({"log": "x"}, time=time)


def test_what_nests_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ProtocolError):
        lines({"a": deep})
    while deep:
        deep = deep.pop()  # Python's own way of freeing it would nest as deep
