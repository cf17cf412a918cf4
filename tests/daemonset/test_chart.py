"""The chart, as helm renders it: what a pod of ours may do, and what the agent's settings make of the pods."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tailrace import __version__, cli
from tailrace.config import Settings, load
from tailrace.logs import run
from tests.daemonset.helm import (
    ALL_ON,
    CHART,
    EXAMPLES,
    containers,
    helm,
    one,
    pod_specs,
    rendered,
)

S3 = {"sink": "s3", "lake": "s3://my-lake/prod"}
# The Python of a test may lie where only root reads: all that a run imports is imported before the ids are taken.
AS_ITS_POD = """
import os, sys
from pathlib import Path
from tailrace import cli
user, group, groups, node, empty, state = sys.argv[1:]
def run(root, state):
    cli.main(["run", "logs", "--once", "--sink", "stdout", "--root", root, "--state", state], standalone_mode=False)
Path(empty).mkdir(exist_ok=True)
run(node, empty)
sys.stdout.flush()
print("--- now as the pod")
os.setgroups([int(g) for g in groups.split(",") if g])
os.setgid(int(group))
os.setuid(int(user))
run(node, state)
"""
WAYS = [pytest.param((file,), None, id=file.stem) for file in EXAMPLES]
WAYS += [pytest.param((), {"config": S3}, id="least"), pytest.param((), ALL_ON, id="all-on")]


def agent_of(values: dict[str, Any]) -> dict[str, Any]:
    """The log agent's pod."""
    spec: dict[str, Any] = one(rendered(values=values), "DaemonSet", "tailrace")["spec"]["template"]["spec"]
    return spec


def test_there_are_example_values() -> None:
    assert {file.name for file in EXAMPLES} == {"values-dev.yaml", "values-manifests.yaml", "values-prod.yaml"}


def test_the_charts_version_is_the_agents() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (about["version"], about["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize(("files", "values"), WAYS)
def test_helm_lint_finds_nothing(files: tuple[Path, ...], values: object) -> None:
    words = [word for file in files for word in ("--values", str(file))]
    said = helm("lint", CHART, "--strict", *words, values=values).stdout
    assert "0 chart(s) failed" in said
    assert "WARNING" not in said


def test_helm_lint_takes_the_chart_as_it_is() -> None:
    assert "0 chart(s) failed" in helm("lint", CHART).stdout


@pytest.mark.parametrize(("files", "values"), WAYS)
def test_a_container_may_do_nothing_that_it_does_not_need(files: tuple[Path, ...], values: object) -> None:
    seen = list(pod_specs(rendered(*files, values=values)))
    assert len(seen) == (3 if values is ALL_ON else 2)
    for name, spec in seen:
        context = spec["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]) == (True, 10001, 10001), name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        read = [0, 190] if values is ALL_ON else [0]  # root's, and the journal's
        assert context.get("supplementalGroups", []) == (read if name == "DaemonSet/tailrace" else [])
        of_node = {"hostNetwork", "hostPID"} if name == "DaemonSet/tailrace-metrics" else set()
        assert spec.keys() & {"hostNetwork", "hostPID", "hostIPC"} == of_node
        for container in containers(spec):
            own = container["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
            assert "privileged" not in own
            as_root = own.get("runAsUser") == 0
            assert as_root == (container["name"] == "state")


@pytest.mark.parametrize(("files", "values"), WAYS)
def test_of_the_node_only_the_state_is_written(files: tuple[Path, ...], values: object) -> None:
    spec = dict(pod_specs(rendered(*files, values=values)))["DaemonSet/tailrace"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume}
    assert paths.pop("state") == "/var/lib/tailrace"
    assert paths
    for mount in containers(spec)[-1]["volumeMounts"]:
        assert mount.get("readOnly", False) == (mount["name"] != "state"), mount


@pytest.mark.parametrize(("files", "values"), WAYS)
def test_every_container_has_requests_and_limits(files: tuple[Path, ...], values: object) -> None:
    for name, spec in pod_specs(rendered(*files, values=values)):
        for container in containers(spec):
            for amounts in (container["resources"]["requests"], container["resources"]["limits"]):
                assert {"cpu", "memory"} <= amounts.keys(), (name, container["name"])


def test_a_pod_has_longer_to_end_than_the_agent_takes() -> None:
    for name, spec in pod_specs(rendered(values={"config": S3})):
        assert spec["terminationGracePeriodSeconds"] >= run._GRACE + 5, name


def test_the_agent_runs_on_every_node_that_takes_one() -> None:
    spec = agent_of({"config": S3})
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["priorityClassName"] == "system-node-critical"
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]} in term[
        "matchExpressions"
    ]


@pytest.mark.parametrize(("files", "values"), WAYS)
def test_the_agents_take_the_settings_file_that_the_chart_makes(
    files: tuple[Path, ...], values: dict[str, Any] | None, tmp_path: Path
) -> None:
    data = one(rendered(*files, values=values), "ConfigMap", "tailrace")["data"]
    for name, text in data.items():
        (tmp_path / name).write_text(text.replace("/etc/tailrace", str(tmp_path)))
    loaded = load({}, {}, tmp_path / "tailrace.yaml", cli.SINKS)
    assert loaded.settings.sink == "s3"
    assert loaded.settings.listen == ":9109"
    written = {name for name, origin in loaded.origins.items() if origin.source == "file"}
    given = yaml.safe_load(files[0].read_text()) if files else values
    assert written == {"listen", *given["config"]}


def test_numbers_arrive_as_they_were_written() -> None:
    config = {**S3, "outbox_bytes": 2147483648, "seal_bytes": 8388608, "scan": 0.5, "s3_bucket_owner": "012345678901"}
    text = one(rendered(values={"config": config}), "ConfigMap", "tailrace")["data"]["tailrace.yaml"]
    assert {"outbox_bytes: 2147483648", "seal_bytes: 8388608", "scan: 0.5"} <= set(text.splitlines())
    assert yaml.safe_load(text)["s3_bucket_owner"] == "012345678901"


def test_what_the_chart_takes_for_a_settings_default_is_the_agents() -> None:
    defaults = Settings()
    spec = agent_of({"config": S3})
    assert str(defaults.state) == next(v for v in spec["volumes"] if v["name"] == "state")["hostPath"]["path"]
    assert str(defaults.root) == "/"
    assert (defaults.sink, defaults.forward_listen) == ("local", "")


def test_other_settings_are_a_rollout_of_both() -> None:
    def sums(config: dict[str, Any]) -> list[str]:
        found = [o for o in rendered(values={"config": config}) if o["kind"] in ("DaemonSet", "Deployment")]
        return [o["spec"]["template"]["metadata"]["annotations"]["checksum/settings"] for o in found]

    assert sums(S3) == sums(S3)
    before, after = sums(S3), sums({**S3, "seal_seconds": "10s"})
    assert len(before) == 2
    assert not set(before) & set(after)


def test_the_folders_follow_the_settings() -> None:
    spec = agent_of({"config": {**S3, "state": "/data/tailrace", "root": "/host/"}})
    mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    assert (mounts["state"], mounts["logs"]) == ("/data/tailrace", "/host/var/log/pods")
    assert spec["initContainers"][0]["args"][-1] == "/data/tailrace"


def test_values_can_say_who_runs_in_a_pod_and_leave_the_rest_as_it_is() -> None:
    values = {"config": S3, "agent": {"podSecurityContext": {"runAsUser": 0, "runAsNonRoot": False}}}
    before, after = (agent_of(v)["securityContext"] for v in ({"config": S3}, values))
    assert after == {**before, "runAsUser": 0, "runAsNonRoot": False}


def test_the_nodes_own_log_files_are_there_if_they_are_asked_for() -> None:
    spec = agent_of({"config": {**S3, "host_files": ["/var/log/messages"], "root": "/host"}})
    mounts = {m["name"]: (m["mountPath"], m.get("readOnly")) for m in spec["containers"][0]["volumeMounts"]}
    assert mounts["logs"] == ("/host/var/log", True)


def test_the_nodes_journal_is_there_with_its_group_if_it_is_asked_for() -> None:
    assert "journal" not in str(agent_of({"config": S3})["volumes"])
    spec = agent_of({"config": {**S3, "journal": ["kubelet"], "root": "/host"}, "agent": {"journalGroup": 101}})
    mounts = {m["name"]: (m["mountPath"], m.get("readOnly")) for m in spec["containers"][0]["volumeMounts"]}
    assert {mounts["journal"], mounts["journal-of-boot"]} == {
        ("/host/var/log/journal", True), ("/host/run/log/journal", True)
    }  # fmt: skip
    assert spec["securityContext"]["supplementalGroups"] == [0, 101]


def test_without_metadata_the_agent_has_no_token() -> None:
    assert agent_of({"config": S3})["automountServiceAccountToken"] is True
    spec = agent_of({"config": {**S3, "metadata": "off"}})
    assert spec["automountServiceAccountToken"] is False
    assert [e["name"] for e in spec["containers"][0]["env"]] == ["NODE_NAME"]


def test_the_kubelets_address_is_the_nodes_unless_settings_say_another() -> None:
    def names(**more: str) -> list[str]:
        return [e["name"] for e in agent_of({"config": {**S3, **more}})["containers"][0]["env"]]

    # A variable refers to those that stand before it.
    assert names() == ["NODE_NAME", "HOST_IP", "TAILRACE_KUBELET_URL"]
    assert names(kubelet_url="https://10.0.0.1:10250") == ["NODE_NAME"]


def test_the_probes_ask_where_the_agent_listens() -> None:
    agent = agent_of({"config": {**S3, "listen": "[::]:9200"}})["containers"][0]
    assert agent["ports"] == [{"name": "metrics", "containerPort": 9200, "protocol": "TCP"}]
    assert agent["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert agent["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    silent = agent_of({"config": {**S3, "listen": ""}})["containers"][0]
    assert not silent.keys() & {"ports", "livenessProbe", "readinessProbe"}


def test_each_release_has_a_lease_of_its_own_where_its_cluster_agent_may_write_it() -> None:
    def lease(release: str, **more: str) -> tuple[dict[str, str], str]:
        objects = rendered(values={"config": {**S3, **more}}, release=release)
        env = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
        role = one(objects, "Role")
        assert one(objects, "RoleBinding")["metadata"]["namespace"] == role["metadata"]["namespace"]
        return {e["name"]: e["value"] for e in env if "value" in e}, role["metadata"]["namespace"]

    assert lease("tailrace") == ({"TAILRACE_LEASE": f"{Settings().lease}"}, "tailrace")
    assert lease("second") == ({"TAILRACE_LEASE": "second-tailrace-cluster"}, "tailrace")
    assert lease("second", lease="mine", lease_namespace="leases") == ({}, "leases")


def test_forward_is_let_in_only_if_it_is_spoken_to_others() -> None:
    def ports(listen: str) -> list[int]:
        objects = rendered(values={"config": {**S3, "forward_listen": listen}})
        return [
            p["port"]
            for rule in one(objects, "NetworkPolicy", "tailrace-agent")["spec"]["ingress"]
            for p in rule["ports"]
        ]

    assert ports(":24224") == [9109, 24224]
    assert ports("127.0.0.1:24224") == ports("") == [9109]


def test_two_releases_share_no_object_of_the_cluster() -> None:
    values = {"config": S3}
    words = ("--namespace", "other")
    first = {(o["kind"], o["metadata"]["name"]) for o in rendered(values=values) if "Cluster" in o["kind"]}
    text = helm("template", "tailrace", CHART, *words, values=values).stdout
    second = {(o["kind"], o["metadata"]["name"]) for o in yaml.safe_load_all(text) if "Cluster" in o["kind"]}
    assert len(first) == len(second) == 4
    assert not first & second


def test_monitors_find_the_pods_and_their_port() -> None:
    objects = rendered(values=ALL_ON)
    labels = one(objects, "DaemonSet", "tailrace")["spec"]["template"]["metadata"]["labels"]
    monitor, service = one(objects, "PodMonitor", "tailrace"), one(objects, "Service", "tailrace-metrics")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"
    assert service["spec"]["selector"].items() <= labels.items()
    of_service = one(objects, "ServiceMonitor", "tailrace")
    assert of_service["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert of_service["metadata"]["labels"]["release"] == "prometheus"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it takes other ids")
def test_the_init_container_hands_the_state_to_the_agent_without_a_capability(tmp_path: Path) -> None:
    spec = agent_of({"config": S3})
    init, (folder,) = spec["initContainers"][0], [tmp_path / "state"]
    folder.mkdir(mode=0o755)
    words = [sys.executable, *init["command"][1:], *init["args"][:-1], str(folder)]
    for _ in range(2):  # a pod that is started again finds what the one before it left
        subprocess.run(["setpriv", "--bounding-set=-all", "--regid=10001", "--groups=0", *words], check=True)
    status = folder.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 10001, 0o770)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter; pytest's are root's own, and each run of pytest sees to it again."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it takes other ids")
def test_the_agent_as_its_pod_runs_it_reads_what_containerd_writes(open_folder: Path) -> None:
    tmp_path = open_folder
    pod = tmp_path / "node/var/log/pods/shop_web-1_0a1b2c3d-0000-4000-8000-000000000001/app"
    pod.mkdir(parents=True)
    (pod / "0.log").write_text("2026-11-20T10:00:00.000000000Z stdout F hello\n")
    (pod / "0.log").chmod(0o640)
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 0, 10001)
    state.chmod(0o2770)
    context = agent_of({"config": S3})["securityContext"]

    def read(groups: list[int], name: str) -> str:
        ids = [*map(str, (context["runAsUser"], context["runAsGroup"])), ",".join(map(str, groups))]
        words = [sys.executable, "-c", AS_ITS_POD, *ids, tmp_path / "node", tmp_path / f"root-{name}", state / name]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd="/")
        before, after = done.stdout.split("--- now as the pod")
        assert "hello" in before
        return after

    assert "hello" in read(context["supplementalGroups"], "with")
    assert "hello" not in read([], "without")
