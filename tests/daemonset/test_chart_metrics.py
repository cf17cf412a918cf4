"""The exporter's part of the chart: what its pod sees and may do, and that it runs as the chart says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tailrace.config.exporter import MOUNTS
from tailrace.health import address
from tests.daemonset.helm import ALL_ON, containers, one, rendered

S3 = {"sink": "s3", "lake": "s3://my-lake/prod"}
# As root, and then as the pod's user, what there is to see of this machine. All is imported before the ids are taken,
# because the Python of a test may lie where only root reads.
LOOKS = """
import os, sys
from contextlib import ExitStack
from tailrace.config import Settings
from tailrace.metrics.host import Host
from tailrace.metrics.scrape import Scrape
from tailrace.metrics.wired import opened

def look():
    with ExitStack() as ending:
        scrape = Scrape(opened(Settings(metadata="off"), Host("/"), (), ending), 100_000)
        ending.callback(scrape.close)
        return {(s.name, *s.labels.items()): s.value for family in scrape.collect() for s in family.samples}

def told(seen):
    off = [key for key, value in seen.items() if key[0] == "node_scrape_collector_success" and not value]
    return {key for key in seen if key[0].startswith(("node_", "container_network"))}, off

as_root = told(look())
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
as_user = told(look())
assert len(as_root[0]) > 200
# What comes and goes between two looks is no difference between users.
names = lambda keys: {key[0] for key in keys}
print(sorted(names(as_root[0]) - names(as_user[0])), as_user[1] == as_root[1])
"""


def exporter(config: dict[str, Any] | None = None, **metrics: Any) -> dict[str, Any]:
    """The DaemonSet's pod."""
    values = {"config": {**S3, **(config or {})}, "metrics": {"enabled": True, **metrics}}
    spec: dict[str, Any] = one(rendered(values=values), "DaemonSet", "tailrace-metrics")["spec"]["template"]["spec"]
    return spec


def environment(spec: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e.get("value", "") for e in spec["containers"][0]["env"]}


def test_nothing_of_it_is_installed_unless_it_is_asked_for() -> None:
    values = {"config": S3, "podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    labelled = [o for o in rendered(values=values) if "tailrace-node" in str(o) or "component: metrics" in str(o)]
    assert labelled == []
    assert {o["metadata"]["name"] for o in rendered(values=values) if o["kind"] == "DaemonSet"} == {"tailrace"}


def test_it_sees_the_node_and_writes_nothing_of_it() -> None:
    spec = exporter()
    (volume,) = (v for v in spec["volumes"] if "hostPath" in v)
    (mount,) = (m for m in spec["containers"][0]["volumeMounts"] if m["name"] == volume["name"])
    assert volume["hostPath"]["path"] == "/"
    assert mount == {"name": "node", "mountPath": "/host", "readOnly": True, "mountPropagation": "HostToContainer"}
    assert (spec["hostPID"], spec["hostNetwork"]) == (True, True)
    assert "--root /host" in " ".join(spec["containers"][0]["args"])
    assert "initContainers" not in spec


def test_its_user_is_nobody_elses_and_in_no_group_that_has_the_runtimes_socket() -> None:
    """Root's group has it, and who may speak to the runtime is root."""
    context = exporter()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (10002, 10002, 10002)
    assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert "supplementalGroups" not in context
    own = exporter()["containers"][0]["securityContext"]
    assert own == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
    }  # fmt: skip


@pytest.mark.parametrize("writers", [["emf", "lake"], "emf, lake"], ids=["list", "text"])
def test_the_writer_lake_has_the_log_agents_state_and_user(writers: object) -> None:
    spec = exporter({"writers": writers, "state": "/data/tailrace", "cluster": "prod"})
    mounts = {m["name"]: (m["mountPath"], m.get("readOnly", False)) for m in spec["containers"][0]["volumeMounts"]}
    assert mounts["state"] == ("/data/tailrace", False)
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]) == (10001, 10001)
    assert spec["initContainers"][0]["args"][-1] == "/data/tailrace"
    assert "state" not in {v["name"] for v in exporter({"writers": ["emf"], "cluster": "c"})["volumes"]}


def test_it_runs_on_every_node_that_takes_one_and_is_replaced_a_tenth_at_a_time() -> None:
    objects = rendered(values={"config": S3, "metrics": {"enabled": True}})
    mine, other = (one(objects, "DaemonSet", f"tailrace{name}")["spec"] for name in ("-metrics", ""))
    assert mine["updateStrategy"] == other["updateStrategy"]
    specs = [each["template"]["spec"] for each in (mine, other)]
    for key in ("affinity", "tolerations", "nodeSelector", "priorityClassName", "terminationGracePeriodSeconds"):
        assert specs[0][key] == specs[1][key], key
    assert specs[0]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    for amounts in containers(specs[0])[0]["resources"].values():
        assert {"cpu", "memory"} <= amounts.keys()


def test_it_answers_at_the_nodes_own_address_at_a_port_of_its_own() -> None:
    container = exporter(port=9200)["containers"][0]
    listen = container["args"][-1]
    assert listen == "[$(HOST_IP)]:9200"
    for ip in ("10.0.0.7", "fd00::7"):
        assert address(listen.replace("$(HOST_IP)", ip)) == (ip, 9200)
    port = {"name": "node-metrics", "containerPort": 9200, "hostPort": 9200, "protocol": "TCP"}
    assert container["ports"] == [port]
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "node-metrics"}
    both = rendered(values={"config": S3, "metrics": {"enabled": True}})
    ports = [p["containerPort"] for o in both if o["kind"] == "DaemonSet"
             for p in o["spec"]["template"]["spec"]["containers"][0]["ports"]]  # fmt: skip
    assert sorted(ports) == [9108, 9109]
    assert 9100 not in ports  # node_exporter's


def test_the_kubelet_is_asked_unless_values_say_no() -> None:
    assert environment(exporter())["TAILRACE_KUBELET_URL"] == "https://$(HOST_IP):10250"
    assert "TAILRACE_KUBELET_URL" not in environment(exporter(kubelet=False))
    assert "TAILRACE_KUBELET_URL" not in environment(exporter({"kubelet_url": "https://10.0.0.1:10250"}))
    silent = exporter({"metadata": "off"})
    assert "TAILRACE_KUBELET_URL" not in environment(silent)
    assert silent["automountServiceAccountToken"] is False


def test_mounts_that_only_root_may_ask_of_are_left_out_besides_the_agents_own() -> None:
    pattern = environment(exporter())["TAILRACE_MOUNTS_EXCLUDE"]
    assert pattern.startswith(MOUNTS.removesuffix(")($|/)"))
    of_pods = "/var/lib/kubelet/pods/0a1b/volumes/kubernetes.io~empty-dir/cache"
    for point in (of_pods, "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/1/shm", "/proc"):
        assert re.search(pattern, point), point
    for point in ("/", "/var/lib/kubelet", "/data", "/boot/efi"):
        assert not re.search(pattern, point), point
    assert "TAILRACE_MOUNTS_EXCLUDE" not in environment(exporter({"mounts_exclude": "^/boot$"}))


def test_its_monitors_find_it_alone_and_leave_each_containers_own_labels() -> None:
    objects = rendered(values=ALL_ON)
    labels = one(objects, "DaemonSet", "tailrace-metrics")["spec"]["template"]["metadata"]["labels"]
    agents = one(objects, "DaemonSet", "tailrace")["spec"]["template"]["metadata"]["labels"]
    pod, service = one(objects, "PodMonitor", "tailrace-node"), one(objects, "Service", "tailrace-node")
    of_service = one(objects, "ServiceMonitor", "tailrace-node")["spec"]
    for selector in (pod["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
        assert selector.items() <= labels.items()
        assert not selector.items() <= agents.items()
    assert of_service["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    for endpoint in (*pod["spec"]["podMetricsEndpoints"], *of_service["endpoints"]):
        assert (endpoint["port"], endpoint["honorLabels"]) == ("node-metrics", True)
        (dropped,) = (r["regex"] for r in endpoint["relabelings"] if r["action"] == "labeldrop")
        assert [re.fullmatch(dropped, name) is not None for name in ("pod", "namespace", "instance")] == [1, 1, 0]
    others = [m for m in objects if m["kind"] == "PodMonitor" and m["metadata"]["name"] == "tailrace"]
    assert others[0]["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"  # a port that the exporter has not


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it takes other ids")
def test_as_its_user_it_sees_what_root_sees() -> None:
    context = exporter()["securityContext"]
    ids = [str(context[key]) for key in ("runAsUser", "runAsGroup")]
    words = ["setpriv", "--bounding-set=-all,+setuid,+setgid", sys.executable, "-c", LOOKS, *ids]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n", done.stderr
