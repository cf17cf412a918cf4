"""helm: the chart and values in, what helm renders, says or installs out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.servers.parts import binary, need

REPO = Path(__file__).parents[2]
CHART = REPO / "daemonset" / "chart"
NAMESPACE = "tailrace"
EXAMPLES = tuple(sorted(CHART.glob("values-*.yaml")))
# Everything that values can turn on.
ALL_ON = {
    "config": {
        "cluster": "prod", "writers": ["lake", "emf"],
        "sink": "s3", "lake": "s3://my-lake/prod", "node_labels": ["topology.kubernetes.io/zone"],
        "metadata": "kubelet", "journal": ["kubelet"], "forward_listen": ":24224",
        "transform": "@/etc/tailrace/keep.sql",
    },
    "files": {"keep.sql": "SELECT * FROM lines\n"},
    "secret": {"env": "tailrace-env", "files": "tailrace-files"},
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "agent": {
        "docker": True, "podLabels": {"team": "platform"}, "podAnnotations": {"a/b": "c"},
        "podSecurityContext": {"seLinuxOptions": {"type": "spc_t"}}, "env": [{"name": "HTTPS_PROXY", "value": "p:1"}],
        "extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}], "priorityClassName": "tailrace",
    },
    "metrics": {
        "enabled": True, "podLabels": {"team": "platform"}, "podAnnotations": {"prometheus.io/scrape": "true"},
        "podSecurityContext": {"seLinuxOptions": {"type": "spc_t"}}, "env": [{"name": "HTTPS_PROXY", "value": "p:1"}],
        "extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}], "priorityClassName": "tailrace",
    },
    "cluster": {"tolerations": [{"operator": "Exists"}], "priorityClassName": "tailrace"},
    "priorityClass": {"create": True},
    "networkPolicy": {
        "metricsFrom": [{"podSelector": {}}], "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}]
    },
    "podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "grafana": {
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "tailrace"}},
        "provisioning": {"enabled": True},
    },
}  # fmt: skip


def helm(*words: str | Path, values: object = None, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Run helm. values: handed over as a values file, after all others."""
    program = binary("helm")
    need(program, "helm")
    more = [] if values is None else ["--values", "-"]
    text = None if values is None else json.dumps(values)
    done = subprocess.run(
        [str(program), *map(str, words), *more], input=text, capture_output=True, text=True, check=False, cwd=REPO
    )
    assert not ok or done.returncode == 0, done.stderr
    return done


def rendered(*files: Path, values: object = None, release: str = NAMESPACE) -> list[dict[str, Any]]:
    """The objects of a release."""
    return documents(template(*files, values=values, release=release))


def template(*files: Path, values: object = None, release: str = NAMESPACE) -> str:
    """What `helm template` prints."""
    words = [word for file in files for word in ("--values", str(file))]
    return helm("template", release, CHART, "--namespace", NAMESPACE, *words, values=values).stdout


def refusal(values: object) -> str:
    """Why helm does not take these values."""
    done = helm("template", NAMESPACE, CHART, values=values, ok=False)
    assert done.returncode != 0, "helm took them"
    return done.stderr


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML stream."""
    return [document for document in yaml.safe_load_all(text) if document]


def one(objects: Sequence[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    """The one object of a kind, or that of a name."""
    (found,) = (o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"]))
    return found


def pod_specs(objects: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pod's spec, with what makes it."""
    for each in objects:
        if "template" in each.get("spec", {}):
            yield f"{each['kind']}/{each['metadata']['name']}", each["spec"]["template"]["spec"]


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """All containers of a pod, those that come first too."""
    return [*spec.get("initContainers", []), *spec["containers"]]
