"""The pipeline's scripts: run as CodeBuild runs them, with doubles of docker and aws, a real helm and API server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.daemonset.helm import CHART, NAMESPACE, REPO, documents
from tests.servers import kubernetes
from tests.servers.kubernetes import ADMIN, Kubernetes
from tests.servers.parts import binary, need

IMAGES = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tailrace"
DIGEST = "sha256:" + "ab" * 32
GROUP = "tailrace-deployers"
# Both say what they were asked. A tag is in the repository if there is a file of its name.
DOUBLES = {
    "docker": """
case $1 in
    login) cat >/dev/null ;;
    push) touch "$FOLDER/tags/${3##*:}" ;;
esac
""",
    "aws": f"""
tag=$(printf '%s\\n' "$@" | sed -n 's/^imageTag=//p')
case "$1 $2 $*" in
    "ecr describe-images "*) test -e "$FOLDER/tags/$tag" && echo {DIGEST} ;;
    "ecr describe-image-scan-findings "*imageScanStatus*) cat "$FOLDER/scan" ;;
    "ecr describe-image-scan-findings "*CRITICAL*) cat "$FOLDER/critical" ;;
    "ecr get-login-password "*) echo secret ;;
    "ecr batch-get-image "*) echo '{{"schemaVersion": 2}}' ;;
    "ecr put-image "*) touch "$FOLDER/tags/$6" ;;
    "eks update-kubeconfig "*) ;;
    *) echo "the double knows no $*" >&2; exit 2 ;;
esac
""",
}


class Checkout:
    """What CodeBuild has: a folder with the chart and the scripts, and the two programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("pipeline", "chart"):
            shutil.copytree(REPO / "daemonset" / name, folder / "daemonset" / name)
        for name in ("bin", "tags"):
            (folder / name).mkdir()
        for name, body in DOUBLES.items():
            self.program(name, f'echo "{name} $*" >>"$FOLDER/calls"\n{body}')
        self.scan("COMPLETE", "None")

    def program(self, name: str, body: str) -> None:
        """One that stands before all others."""
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{body}")
        file.chmod(0o755)

    def scan(self, status: str, critical: str) -> None:
        """What ECR says of the image."""
        (self.folder / "scan").write_text(status + "\n")
        (self.folder / "critical").write_text(critical + "\n")

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "FOLDER": str(self.folder)}
        env |= {"COMMIT": "c0ffee", "PATIENCE": "0", **environment}
        words = ["sh", f"daemonset/pipeline/{script}"]
        return subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def push(self, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run("push.sh", REPOSITORY=IMAGES, **more)

    @property
    def calls(self) -> list[str]:
        """What was asked since this was last read."""
        file = self.folder / "calls"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    @property
    def told(self) -> Path:
        """Where push.sh tells a deployment what it has made."""
        return self.folder / "daemonset/pipeline/image.env"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_an_image_is_built_pushed_under_its_commit_and_handed_on_by_its_digest(checkout: Checkout) -> None:
    done = checkout.push(PYTHON_IMAGE="python@sha256:00")
    assert done.returncode == 0, done.stderr
    docker = [call for call in checkout.calls if call.startswith("docker")]
    build = (
        f"docker build --file daemonset/Dockerfile --tag {IMAGES}:c0ffee --build-arg PYTHON_IMAGE=python@sha256:00 ."
    )
    assert docker[1:] == [build, f"docker push --quiet {IMAGES}:c0ffee"]
    assert "secret" not in docker[0]
    assert checkout.told.read_text() == f"REPOSITORY={IMAGES}\nDIGEST={DIGEST}\n"


def test_a_build_that_is_started_again_takes_what_the_first_one_pushed(checkout: Checkout) -> None:
    assert checkout.push().returncode == 0
    assert "docker" in "".join(checkout.calls)
    assert checkout.push().returncode == 0
    assert "docker" not in "".join(checkout.calls)


@pytest.mark.parametrize(
    ("status", "critical", "said"),
    [
        ("COMPLETE", "2", "2 critical"),
        ("ACTIVE", "1", "1 critical"),
        ("FAILED", "None", "did not end well"),
        ("", "", ""),
    ],
)
def test_an_image_with_a_critical_finding_or_without_a_scan_is_not_handed_on(
    checkout: Checkout, status: str, critical: str, said: str
) -> None:
    checkout.scan(status, critical)
    done = checkout.push()
    assert done.returncode == 1
    assert said in done.stderr
    assert f"--image-id imageDigest={DIGEST}" in done.stderr
    assert not checkout.told.exists()


def test_findings_that_are_not_critical_stop_nothing(checkout: Checkout) -> None:
    for status, critical in (("ACTIVE", "None"), ("COMPLETE", "0")):
        checkout.scan(status, critical)
        assert checkout.push().returncode == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    need(kubernetes.found(), "kube-apiserver or etcd")
    need(binary("helm"), "helm")
    with Kubernetes(tmp_path_factory.mktemp("api"), audit=False) as k:
        (k.folder / "config").write_text(k.kubeconfig())
        for each in documents((REPO / "daemonset/pipeline/deployer.yaml").read_text()):
            k.apply(each)
        yield k


def deploy(checkout: Checkout, server: Kubernetes, **more: str) -> subprocess.CompletedProcess[str]:
    """deploy.sh as a member of the group. Nobody runs pods here, so helm does not wait for them."""
    waits = "--atomic --wait --timeout 30m"
    words = f'case "$*" in *"{waits}") ;; *) echo "helm would not wait" >&2; exit 1 ;; esac\n'
    words += f'exec "{binary("helm")}" $(echo "$*" | sed "s/{waits}//") --kube-as-user ci --kube-as-group {GROUP}\n'
    checkout.program("helm", words)
    values = more.pop("values", f"daemonset/chart/values-{more.pop('stage', 'dev')}.yaml")
    return checkout.run("deploy.sh", CLUSTER="dev", VALUES=values, KUBECONFIG=str(server.folder / "config"), **more)


def test_the_deployers_can_install_change_and_remove_the_release(
    checkout: Checkout, server: Kubernetes, tmp_path: Path
) -> None:
    assert checkout.push().returncode == 0
    with_exporter = tmp_path / "with-exporter.yaml"
    with_exporter.write_text((CHART / "values-prod.yaml").read_text() + "metrics: {enabled: true}\n")
    for values in (CHART / "values-dev.yaml", CHART / "values-prod.yaml", with_exporter):
        done = deploy(checkout, server, values=str(values))
        assert done.returncode == 0, done.stderr
        found = server.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/tailrace")
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == f"{IMAGES}@{DIGEST}"
    assert found["metadata"]["generation"] > 1
    assert "aws eks update-kubeconfig --name dev" in checkout.calls
    helm = [binary("helm"), "uninstall", "tailrace", "-n", NAMESPACE, "--kube-as-user", "ci", "--kube-as-group", GROUP]
    config = ["--kubeconfig", server.folder / "config"]
    done = subprocess.run([*helm, *config], capture_output=True, text=True, check=False)  # type: ignore[list-item]
    assert done.returncode == 0, done.stderr


def test_what_production_runs_gets_a_tag_that_keeps_it_once(checkout: Checkout, server: Kubernetes) -> None:
    assert checkout.push().returncode == 0
    for _ in range(2):
        assert deploy(checkout, server, RELEASED="released-").returncode == 0
    (put,) = [call for call in checkout.calls if " put-image " in call]
    assert f"--image-tag released-c0ffee --image-digest {DIGEST}" in put


def test_the_deployers_can_reach_nothing_beside_the_release(server: Kubernetes) -> None:
    http = urllib3.PoolManager(ca_certs=str(server.ca))
    asked = {"authorization": f"Bearer {ADMIN}", "impersonate-user": "ci", "impersonate-group": GROUP}

    def status(method: str, path: str, body: object = None) -> int:
        more = {"json": body} if body else {}
        return http.request(
            method, server.url + path, headers={**asked, "content-type": "application/json"}, **more
        ).status

    rbac = "/apis/rbac.authorization.k8s.io/v1"
    assert status("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets") == 200
    for path in ("/api/v1/secrets", "/api/v1/namespaces/kube-system/secrets", f"{rbac}/clusterroles"):
        assert status("GET", path) == 403, path
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "more"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "Group", "name": GROUP, "apiGroup": "rbac.authorization.k8s.io"}],
    }  # fmt: skip
    assert status("POST", f"{rbac}/clusterrolebindings", binding) == 403
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "more"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }  # fmt: skip
    assert status("POST", f"{rbac}/clusterroles", role) == 403
    assert status("DELETE", f"{rbac}/clusterroles/tailrace-deployers") == 403
    assert status("DELETE", f"/api/v1/namespaces/{NAMESPACE}") == 403
