"""around: settings in; the collectors of what runs on this node, as its surroundings tell it, out.

In a task of ECS the containers are the task's, by its metadata endpoint; elsewhere control groups tell of them, as on
an EC2 instance whose root an agent was given: it sees those of all tasks there. What can't be asked here (no cluster,
no kubelet's address) has no collector: one that never succeeds looks like a failure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from tailrace.config import Settings, node_name
from tailrace.ecs import endpoint
from tailrace.kube.settings import KubeSettings, Source
from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.collectors.ecs import Ecs
from tailrace.metrics.collectors.kube_containers import KubeContainers
from tailrace.metrics.collectors.kube_node import KubeNode
from tailrace.metrics.collectors.kube_pods import KubePods
from tailrace.metrics.collectors.volumes import Volumes
from tailrace.metrics.elsewhere import Shown
from tailrace.metrics.host import Host

COLLECTORS: tuple[type[Collector], ...] = (Containers, Ecs, KubePods, KubeContainers, KubeNode, Volumes)


def kube_settings(settings: Settings) -> KubeSettings:
    """Of the exporter: the log agent's, without what only lines need."""
    return KubeSettings(
        node_name(settings), settings.state, cast(Source, settings.metadata), settings.kubeconfig,
        settings.kubelet_url, settings.kubelet_verify, start_jitter=3.0,
    )  # fmt: skip


def around(
    settings: Settings, host: Host, ending: ExitStack, environ: Mapping[str, str] = os.environ
) -> list[Collector]:
    """Those of COLLECTORS that make sense here; what they share has begun, and ends with `ending`.

    Raises ValueError: a setting is missing or wrong.
    """
    if (task := endpoint(environ)) and settings.root == Path("/"):
        return [Ecs(host, task)]
    asked = kube_settings(settings)
    source = asked.chosen()
    if source == "off":
        return [Containers(host)]
    # Late: HTTP and numpy, 13 MB that a node outside of a cluster needs not.
    from tailrace.metrics.pods import Pods
    from tailrace.metrics.summary import Summary

    pods = Pods(asked, cast(Shown, settings.kube_metrics))
    ending.callback(pods.close)
    found: list[Collector] = [Containers(host, pods), KubePods(host, pods), KubeContainers(host, pods)]
    if source == "api":
        found.append(KubeNode(host, pods))
    if asked.kubelet_url:
        summary = Summary(asked.kubelet_url, asked.kubelet_verify, asked.account)
        ending.callback(summary.close)
        summary.start()
        found.append(Volumes(host, summary))
    pods.start()
    return found
