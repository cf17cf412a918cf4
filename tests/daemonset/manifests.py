"""manifests: the chart and its values-manifests.yaml in, daemonset/manifests/tailrace.yaml out.

helm renders it (`make parts`), so `make docs` renews it only where helm is there.
"""

from __future__ import annotations

from tests.daemonset.helm import CHART, NAMESPACE, REPO, template

FILE = REPO / "daemonset" / "manifests" / "tailrace.yaml"
_HEAD = f"""\
# Rendered from daemonset/chart with its values-manifests.yaml by: make docs
# Put your cluster and your bucket in the place of CHANGE-ME, then: kubectl apply -f daemonset/manifests/tailrace.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
"""


def text() -> str:
    """The file's text."""
    return _HEAD + template(CHART / "values-manifests.yaml").replace("managed-by: Helm", "managed-by: kubectl")
