"""manifests: the chart and its values-manifests.yaml in, daemonset/manifests/{tailrace,metrics}.yaml out.

helm renders them (`make parts`), so `make docs` renews them only where helm is there.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.daemonset.helm import CHART, NAMESPACE, REPO, helm, template

FOLDER = "daemonset/manifests"
FILE, METRICS = REPO / FOLDER / "tailrace.yaml", REPO / FOLDER / "metrics.yaml"
_HEAD = f"""\
# Rendered from daemonset/chart with its values-manifests.yaml by: make docs
# Put your cluster and your bucket in the place of CHANGE-ME, then: kubectl apply -f {FOLDER}/tailrace.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
"""
_METRICS_HEAD = f"""\
# The exporter, rendered from daemonset/chart with its values-manifests.yaml and metrics.enabled by: make docs
# Its settings are in the ConfigMap of tailrace.yaml; apply that first, then: kubectl apply -f {FOLDER}/metrics.yaml
"""


def text() -> str:
    """The text of tailrace.yaml."""
    return _HEAD + _by_hand(template(CHART / "values-manifests.yaml"))


def metrics_text() -> str:
    """The text of metrics.yaml."""
    only = [word for part in ("rbac", "daemonset") for word in ("--show-only", f"templates/metrics-{part}.yaml")]
    words = ("--namespace", NAMESPACE, "--values", CHART / "values-manifests.yaml", "--set", "metrics.enabled=true")
    return _METRICS_HEAD + _by_hand(helm("template", NAMESPACE, CHART, *words, *only).stdout)


def _by_hand(rendered: str) -> str:
    return rendered.replace("managed-by: Helm", "managed-by: kubectl")


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    (f"{FOLDER}/tailrace.yaml", text),
    (f"{FOLDER}/metrics.yaml", metrics_text),
)
