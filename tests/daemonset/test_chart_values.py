"""What the chart refuses before anything is sent to a cluster, and that it says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from daemonset.values import GENERATED
from tests.daemonset.helm import REPO, refusal, rendered

S3 = {"sink": "s3", "lake": "s3://my-lake/prod"}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown setting", {"config": {**S3, "max_lines": 5}}, "at '/config': additional properties 'max_lines' not"),
    ("a size that is none", {"config": {**S3, "max_line": "big"}}, "at '/config/max_line'"),
    ("a duration that is none", {"config": {**S3, "seal_seconds": "soon"}}, "at '/config/seal_seconds'"),
    ("a list for a text", {"config": {**S3, "cluster": ["a"]}}, "at '/config/cluster': got array, want string"),
    ("an unknown sink", {"config": {"sink": "s4"}}, "at '/config/sink': value must be one of 'local', 's3'"),
    ("an entry without its sink", {"config": {"sinks": {"all": {"lake": "s3://b/p"}}}}, "missing property 'sink'"),
    ("a setting out of an entry", {"config": {"sinks": {"all": {"sink": "s3", "s3_region": "x"}}}}, "'s3_region'"),
    ("an unknown value", {"config": S3, "agnet": {}}, "additional properties 'agnet' not allowed"),
    ("an unknown value of the agent", {"config": S3, "agent": {"resource": {}}}, "at '/agent': additional properties"),
    ("a container without limits", {"config": S3, "agent": {"resources": {"limits": None}}}, "property 'limits'"),
    ("too little time to end", {"config": S3, "agent": {"terminationGracePeriodSeconds": 10}}, "got 10, want 30"),
    ("a digest that is none", {"config": S3, "image": {"digest": "latest"}}, "at '/image/digest'"),
    ("nowhere to go", {}, "config says nowhere where lines go"),
    ("a lake without a place", {"config": {"sink": "s3"}}, "--set config.lake=s3://BUCKET/PREFIX"),
    ("a lake in a pod's own folder", {"config": {"lake": "/lake"}}, "cluster agent's part of the lake would be lost"),
    ("writers that nobody runs", {"config": {**S3, "writers": ["emf"]}}, "set metrics.enabled=true, or leave"),
    (
        "a writer without what it needs",
        {"config": {**S3, "writers": ["emf"]}, "metrics": {"enabled": True}},
        "emf, which finds its log group by the cluster's name: set config.cluster",
    ),
    ("a port that is none", {"config": S3, "metrics": {"port": 0}}, "at '/metrics/port'"),
    ("an unknown value of the exporter", {"config": S3, "metrics": {"on": True}}, "at '/metrics': additional"),
    ("probes that reach nobody", {"config": {**S3, "listen": "127.0.0.1:9109"}}, "the probes could not reach it"),
]


@pytest.mark.parametrize(("values", "said"), [pytest.param(v, s, id=name) for name, v, s in WRONG])
def test_values_that_could_not_run_are_refused(values: dict[str, Any], said: str) -> None:
    assert said in refusal(values)


def test_a_lake_on_each_nodes_disk_is_taken_where_nothing_of_it_is_lost() -> None:
    assert rendered(values={"config": {"lake": "/var/lib/tailrace/lake"}, "cluster": {"enabled": False}})


def test_several_sinks_are_taken() -> None:
    entries = {"lake": {"sink": "s3", "lake": "s3://b/p"}, "errors": {"sink": "cloudwatch", "where": "level = 'error'"}}
    assert rendered(values={"config": {"sinks": entries}})


def test_the_schema_is_what_the_settings_say() -> None:
    assert len(GENERATED) == 1
    assert [path for path, text in GENERATED if (REPO / path).read_text() != text()] == []
