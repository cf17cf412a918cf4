"""The files that are applied without helm: fresh, fit to run, and the sidecar's example does what its page says."""

from __future__ import annotations

import re
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailrace import cli
from tailrace.config import Settings, load, problems
from tests.daemonset import manifests
from tests.daemonset.helm import REPO, containers, documents, one, pod_specs
from tests.faults.process import HURRIED, Agent
from tests.logs.forward.test_run import await_messages
from tests.node import World
from tests.servers.parts import free_port

FARGATE = documents((REPO / "daemonset/manifests/fargate.yaml").read_text())


def settings_of(objects: list[dict[str, Any]], folder: Path) -> Settings:
    file = folder / "tailrace.yaml"
    file.write_text(one(objects, "ConfigMap", "tailrace")["data"]["tailrace.yaml"])
    loaded = load({}, {}, file, cli.SINKS)
    assert (loaded.warnings, problems(loaded.settings)) == ((), ())
    return loaded.settings


def await_port(port: int, agent: Agent) -> None:
    """Until it is listened for: the sidecar's startupProbe."""
    for _ in range(600):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(agent.talk[-2000:])


def test_the_manifests_are_what_the_chart_says() -> None:
    stale = [path for path, text in manifests.GENERATED if (REPO / path).read_text() != text()]
    assert (stale, len(manifests.GENERATED)) == ([], 2), "renew them with: make docs"


def test_the_exporters_manifest_finds_its_settings_in_the_other_one() -> None:
    other, objects = documents(manifests.FILE.read_text()), documents(manifests.METRICS.read_text())
    assert {o["metadata"].get("namespace", "tailrace") for o in objects} == {"tailrace"}
    ((_, spec),) = pod_specs(objects)
    (settings,) = (v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v)
    assert one(other, "ConfigMap", settings)["metadata"]["namespace"] == "tailrace"
    assert spec["serviceAccountName"] == one(objects, "ServiceAccount")["metadata"]["name"]


def test_the_manifests_objects_are_in_a_namespace_that_it_makes() -> None:
    objects = documents(manifests.FILE.read_text())
    assert objects[0] == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tailrace"}}
    assert {o["metadata"].get("namespace", "tailrace") for o in objects} == {"tailrace"}


@pytest.mark.parametrize("objects", [FARGATE, documents(manifests.FILE.read_text())], ids=["fargate", "tailrace"])
def test_an_agent_takes_its_settings(objects: list[dict[str, Any]], tmp_path: Path) -> None:
    assert settings_of(objects, tmp_path).lake == "s3://CHANGE-ME-lake/prod"


def test_the_sidecar_needs_nothing_of_its_node() -> None:
    ((_, spec),) = pod_specs(FARGATE)
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
    assert spec["automountServiceAccountToken"] is False
    (sidecar,) = spec["initContainers"]
    assert sidecar["restartPolicy"] == "Always"  # it ends after the application
    for container in containers(spec):
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys() & container["resources"]["requests"].keys()
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_what_the_page_sends_to_the_sidecar_is_in_the_lake_under_the_applications_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(FARGATE, tmp_path)
    assert settings.forward_listen == "127.0.0.1:24224"
    (page,) = re.findall(r"```python\n(.*?)```", (REPO / "docs/install.md").read_text(), re.DOTALL)
    world, port = World(tmp_path), free_port()
    monkeypatch.setenv("POD_NAMESPACE", "shop")
    monkeypatch.setenv("POD_NAME", "shop-7c9d-x2x4z")
    with closing(Agent(world, *HURRIED, "--forward-listen", f"127.0.0.1:{port}", "--metadata", "off")) as agent:
        await_port(port, agent)
        exec(compile(page.replace("24224", str(port)) + "log.close()\n", "docs/install.md", "exec"), {})
        await_messages(world, agent, {"order 17 is paid"})
        assert agent.stop() == 0
    assert world.ask("SELECT namespace, pod, container FROM logs") == [("shop", "shop-7c9d-x2x4z", "shop")]
