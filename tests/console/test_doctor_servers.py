"""What the doctor says of real servers: an API server with its permissions, and S3 with its clock and credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from tailrace.config import load
from tailrace.console.doctor import cluster, sinks
from tailrace.console.doctor.case import Agent, Case
from tailrace.console.doctor.command import SINKS
from tailrace.console.doctor.diagnosis import Diagnosis
from tests.servers import kubernetes, versitygw
from tests.servers.kubernetes import AGENT, Kubernetes
from tests.servers.parts import need
from tests.servers.versitygw import BUCKET, Versitygw


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    need(kubernetes.found(), "kube-apiserver, or etcd,")
    with Kubernetes(tmp_path_factory.mktemp("api"), audit=False) as server:
        yield server


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Versitygw]:
    need(versitygw.found(), "versitygw")
    with Versitygw(tmp_path) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server


def case(agent: Agent = "logs", ahead: float = 0, **flags: Any) -> Case:
    import time

    settings = {name: str(value) for name, value in flags.items()}
    return Case(agent, load(settings, {}, None, SINKS), {}, wall=lambda: time.time() + ahead)


def with_access(server: Kubernetes, folder: Path, agent: Agent = "logs", **flags: Any) -> list[Diagnosis]:
    file = folder / "kubeconfig"
    file.write_text(server.kubeconfig(AGENT))
    return list(cluster.check(case(agent, kubeconfig=file, **flags)))


def test_what_the_agent_may_not_do_is_told_with_the_command_that_allows_it(api: Kubernetes, tmp_path: Path) -> None:
    api.allow(AGENT, ["list", "watch"], ["namespaces"])
    found = with_access(api, tmp_path)
    problems = [one for one in found if one.state == "problem"]
    assert ["list pods" in one.what or "watch pods" in one.what for one in problems] == [True, True]
    assert "kubectl create clusterrole tailrace-list-pods --verb=list --resource=pods" in problems[0].mend
    assert "--user=agent" in problems[0].mend
    assert any(one.state == "ok" and "may list namespaces, watch namespaces" in one.what for one in found)


def test_an_agent_that_may_all_it_needs_is_well_and_knows_who_it_is(api: Kubernetes, tmp_path: Path) -> None:
    api.allow(AGENT, ["get", "list", "watch"], ["pods", "namespaces", "nodes"])
    found = with_access(api, tmp_path, node_labels="topology.kubernetes.io/zone")
    assert {one.state for one in found} == {"ok"}
    assert "knows us as agent" in found[0].what
    assert "clock is that of the API server" in found[1].what
    assert "get nodes" in found[-1].what


def test_the_cluster_agent_needs_the_lease_in_its_namespace(api: Kubernetes, tmp_path: Path) -> None:
    api.allow(AGENT, ["list", "watch", "create"], ["pods", "namespaces", "events"])
    found = with_access(api, tmp_path, "cluster", lease_namespace="logging")
    problems = [one for one in found if one.state == "problem"]
    assert len(problems) == 3
    assert "--resource=leases.coordination.k8s.io" in problems[0].mend


def test_an_api_server_that_does_not_answer_is_a_problem(api: Kubernetes, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(api.kubeconfig(AGENT).replace(str(api.port), "9"))
    (found,) = cluster.check(case(kubeconfig=file))
    assert (found.state, bool(found.mend)) == ("problem", True)


def test_who_is_in_no_cluster_is_told_that_lines_carry_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert [one.state for one in cluster.check(case())] == ["warning"]
    assert [one.state for one in cluster.check(case(metadata="off"))] == ["ok"]


def of_s3(server: Versitygw, ahead: float = 0, bucket: str = BUCKET) -> list[Diagnosis]:
    flags = {"sink": "s3", "lake": f"s3://{bucket}/prod/", "s3_endpoint": server.endpoint}
    return list(sinks.check(case(ahead=ahead, **flags)))


def test_a_bucket_that_can_be_written_is_well_and_holds_nothing_afterwards(s3: Versitygw) -> None:
    found = of_s3(s3)
    assert {one.state for one in found} == {"ok"}, found
    assert any("credentials come from env" in one.what for one in found)
    assert any("clock is that of" in one.what for one in found)
    assert [path for path in s3.bucket.rglob("*") if path.is_file()] == []


def test_a_clock_that_s3_would_refuse_is_a_problem(s3: Versitygw) -> None:
    assert any(one.state == "problem" and "ahead of" in one.what for one in of_s3(s3, ahead=1200))


def test_a_bucket_that_is_not_there_is_a_problem(s3: Versitygw) -> None:
    assert any(one.state == "problem" and one.mend for one in of_s3(s3, bucket="no-such-bucket"))


def test_whose_credentials_they_are_is_told_with_the_role_that_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "eu-west-1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sinks, "_time", lambda *_: iter(()))  # it asks no double
    role = "arn:aws:iam::123456789012:role/lake"
    with mock_aws():
        found = list(sinks.check(case(sink="s3", lake="s3://none/", s3_role_arn=role)))
    said = [one.what for one in found]
    assert any(what.startswith("s3: we are arn:aws:sts::123456789012:assumed-role/lake/") for what in said), said
    assert any(f"which assumes {role}" in what for what in said)


def test_a_node_without_credentials_is_told(s3: Versitygw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert any(one.state == "problem" and "no credentials" in one.what for one in of_s3(s3))
