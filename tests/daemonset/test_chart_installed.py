"""The chart in a real API server: every object is what was rendered; each account may do what it needs and no more."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tailrace.kube.settings import KubeSettings
from tailrace.metrics.pods import Pods
from tests.daemonset.helm import ALL_ON, CHART, EXAMPLES, NAMESPACE, REPO, documents, helm, template
from tests.daemonset.openapi import write_schemas
from tests.servers import kubernetes
from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import binary, need
from tests.waiting import until

# Every verb of a resource. `*` is asked for, too: only a rule that gives all verbs answers yes.
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = frozenset({"get", "list", "watch"})
# What is asked for, besides everything that a rule names: what a thief of the token would want.
TEMPTING = (
    ("", "pods"), ("", "namespaces"), ("", "nodes"), ("", "nodes/proxy"), ("", "nodes/pods"), ("", "nodes/stats"),
    ("", "nodes/metrics"), ("", "secrets"), ("", "configmaps"), ("", "events"), ("", "pods/log"), ("", "pods/exec"),
    ("", "serviceaccounts"), ("", "serviceaccounts/token"), ("apps", "replicasets"), ("apps", "daemonsets"),
    ("batch", "jobs"), ("coordination.k8s.io", "leases"), ("rbac.authorization.k8s.io", "clusterroles"),
)  # fmt: skip
May = Mapping[tuple[str, str], frozenset[str]]
AGENT: May = {("", "pods"): READ, ("", "namespaces"): READ}
WATCHED = frozenset({"list", "watch"})
CLUSTER: May = {("", "pods"): WATCHED, ("", "namespaces"): WATCHED, ("", "events"): WATCHED | {"create"}}
EXPORTER: May = {("", "pods"): WATCHED, ("", "nodes"): WATCHED}
STATS: May = {("", "nodes/stats"): frozenset({"get"})}
LEASES: May = {("coordination.k8s.io", "leases"): frozenset({"get", "create", "update"})}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    need(kubernetes.found(), "kube-apiserver or etcd")
    need(binary("helm"), "helm")
    with Kubernetes(tmp_path_factory.mktemp("api"), audit=False) as k:
        (k.folder / "config").write_text(k.kubeconfig())
        yield k


def install(server: Kubernetes, *files: Path, values: object = None, name: str = NAMESPACE) -> None:
    words = [word for file in files for word in ("--values", file)]
    more = ("--namespace", NAMESPACE, "--create-namespace", "--kubeconfig", server.folder / "config")
    helm("upgrade", "--install", name, CHART, *more, *words, values=values)


def missing(wanted: Any, found: Any, at: str = "") -> Iterator[str]:
    """What of `wanted` is not in `found`; the API server adds defaults, and says amounts in its own words."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if value is not None and value != {} and value != []:
                yield from missing(value, found.get(key), f"{at}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, pair in enumerate(zip(wanted, found, strict=True)):
            yield from missing(*pair, f"{at}[{number}]")
    elif wanted != found:
        yield f"{at}: {wanted!r} is {found!r}"


def may(server: Kubernetes, token: str, group: str, resource: str, verb: str, namespace: str) -> bool:
    """What the API server says to an account that asks what it may itself."""
    name, _, sub = resource.partition("/")
    asked = {"group": group, "resource": name, "subresource": sub, "verb": verb, "namespace": namespace}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    review = {**kind, "spec": {"resourceAttributes": asked}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status, said = server.call("POST", path, review, token=token)
    assert status == 201, said
    return bool(said["status"]["allowed"])


def named(server: Kubernetes, token: str, namespace: str) -> set[tuple[str, str]]:
    """Group and resource of every rule that an account has, but for what everybody may: ask about themselves."""
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    body = {**kind, "spec": {"namespace": namespace or "default"}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status, said = server.call("POST", path, body, token=token)
    assert status == 201, said
    rules = said["status"]["resourceRules"]
    everybody = {"authorization.k8s.io", "authentication.k8s.io"}
    return {(g, r) for rule in rules for g in rule["apiGroups"] for r in rule["resources"] if g not in everybody}


def allowed(server: Kubernetes, account: str, namespace: str) -> dict[tuple[str, str], frozenset[str]]:
    """All that an account may do in a namespace ("": everywhere)."""
    token = server.token(NAMESPACE, account)
    found = {
        (group, resource): frozenset(v for v in (*VERBS, "*") if may(server, token, group, resource, v, namespace))
        for group, resource in {*TEMPTING, *named(server, token, namespace)}
    }
    return {resource: verbs for resource, verbs in found.items() if verbs}


def commands(page: str) -> list[list[str]]:
    """The `helm upgrade` commands of a page, as words."""
    text = (REPO / page).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("helm upgrade")]


@pytest.mark.parametrize("page", ["docs/install.md", "README.md"])
def test_the_pages_commands_install_the_chart(server: Kubernetes, page: str) -> None:
    assert commands(page) or "daemonset/chart" not in (REPO / page).read_text()
    for words in commands(page):
        helm(*words[1:], "--kubeconfig", server.folder / "config")
        found = server.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/tailrace")
        assert found["spec"]["template"]["spec"]["serviceAccountName"] == "tailrace"
    assert commands("docs/install.md")[0][-2:] == ["--values", "daemonset/chart/values-prod.yaml"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_what_is_installed_is_what_was_rendered(server: Kubernetes, file: Path) -> None:
    objects = documents(template(file))
    assert len(objects) > 12
    install(server, file)
    for wanted in objects:
        found = server.get(f"{server.folder_of(wanted)}/{wanted['metadata']['name']}")
        assert list(missing(wanted, found)) == []
    assert server.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/tailrace")["metadata"]["generation"] >= 1


def test_every_object_is_one_that_the_api_server_knows_to_the_last_key(server: Kubernetes, tmp_path: Path) -> None:
    kubeconform = binary("kubeconform")
    need(kubeconform, "kubeconform")
    assert write_schemas(server, tmp_path) > 100
    place = str(tmp_path / "{{ .ResourceKind }}{{ .KindSuffix }}.json")
    manifests = sorted((CHART.parent / "manifests").glob("*.yaml"))
    texts = [*map(template, EXAMPLES), template(values=ALL_ON), *(m.read_text() for m in manifests)]
    texts.append(template(values={"config": {"sink": "s3", "lake": "s3://b/p"}, "metrics": {"enabled": True}}))
    assert len(texts) > 4

    def check(text: str) -> str:
        words = [str(kubeconform), "-strict", "-schema-location", place, "-skip", "PodMonitor,ServiceMonitor"]
        done = subprocess.run([*words, "-summary", "-"], input=text, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    for text in texts:
        assert "Invalid: 0, Errors: 0" in check(text)
    assert "Invalid: 1" in check(texts[0].replace("automountServiceAccountToken: true", "automountToken: true", 1))


def test_each_account_may_do_what_it_needs_and_nothing_else(server: Kubernetes) -> None:
    install(server, values={"config": {"sink": "s3", "lake": "s3://my-lake/prod"}})
    assert allowed(server, "tailrace", "default") == allowed(server, "tailrace", NAMESPACE) == AGENT
    assert allowed(server, "tailrace-cluster", "default") == CLUSTER
    assert allowed(server, "tailrace-cluster", NAMESPACE) == {**CLUSTER, **LEASES}


def test_settings_that_need_a_permission_bring_it(server: Kubernetes) -> None:
    config = {"sink": "s3", "lake": "s3://my-lake/prod"}
    install(server, values={"config": {**config, "node_labels": ["topology.kubernetes.io/zone"]}})
    assert allowed(server, "tailrace", "") == {**AGENT, ("", "nodes"): frozenset({"get"})}
    install(server, values={"config": {**config, "metadata": "kubelet"}})
    assert allowed(server, "tailrace", "") == {**AGENT, ("", "nodes/pods"): frozenset({"get"})}


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        pytest.param({}, {**EXPORTER, **STATS}, id="as it comes"),
        pytest.param({"kubelet": False}, EXPORTER, id="without the kubelet"),
        pytest.param(
            {"config": {"metadata": "kubelet"}}, {("", "nodes/pods"): frozenset({"get"}), **STATS}, id="kubelet"
        ),
        pytest.param({"config": {"metadata": "off"}}, {}, id="without metadata"),
    ],
)
def test_the_exporters_account_may_do_what_its_settings_need(server: Kubernetes, more: Any, wanted: May) -> None:
    metrics = {"enabled": True, **more}
    config = {"sink": "s3", "lake": "s3://my-lake/prod", **metrics.pop("config", {})}
    install(server, values={"config": config, "metrics": metrics})
    assert allowed(server, "tailrace-metrics", NAMESPACE) == wanted


def test_the_accounts_are_answered_as_they_may_be(server: Kubernetes) -> None:
    install(server, values={"config": {"sink": "s3", "lake": "s3://my-lake/prod"}})
    agent, cluster = server.token(NAMESPACE, "tailrace"), server.token(NAMESPACE, "tailrace-cluster")

    def status(token: str, method: str, path: str, body: object = None) -> int:
        return server.call(method, path, body, token=token)[0]

    for token in (agent, cluster):
        for path in ("/api/v1/pods", "/api/v1/namespaces", "/api/v1/pods?fieldSelector=spec.nodeName%3Da"):
            assert status(token, "GET", path) == 200
        for path in ("/api/v1/secrets", f"/api/v1/namespaces/{NAMESPACE}/secrets", "/api/v1/nodes"):
            assert status(token, "GET", path) == 403
        assert status(token, "DELETE", f"/api/v1/namespaces/{NAMESPACE}") == 403
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"}, "reason": "Nonsense",
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"}, "type": "Warning",
    }  # fmt: skip
    assert status(agent, "POST", "/api/v1/namespaces/default/events", event) == 403
    assert status(cluster, "POST", "/api/v1/namespaces/default/events", event) == 201
    leases = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "tailrace-cluster"}}
    assert status(cluster, "POST", leases.format(NAMESPACE), lease) == 201
    assert status(cluster, "POST", leases.format("default"), lease) == 403
    assert status(agent, "POST", leases.format(NAMESPACE), lease) == 403


def test_the_exporter_is_answered_whatever_it_asks_the_api_server(server: Kubernetes, tmp_path: Path) -> None:
    install(server, values={"config": {"sink": "s3", "lake": "s3://b/p"}, "metrics": {"enabled": True}})
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(server.kubeconfig(server.token(NAMESPACE, "tailrace-metrics")))
    pods = Pods(KubeSettings("n1", tmp_path, kubeconfig=str(kubeconfig), start_jitter=0.1))
    pods.start()
    try:
        until(lambda: pods.pods.synced and pods.nodes.synced and pods.shown(), why=lambda: pods.pods.why())
        assert (pods.pods.trouble, pods.nodes.trouble) == (None, None)
    finally:
        pods.close()


@pytest.mark.parametrize("change", ["a verb less", "a verb more", "a resource more"])
def test_a_role_with_another_verb_is_noticed(server: Kubernetes, change: str) -> None:
    install(server, values={"config": {"sink": "s3", "lake": "s3://my-lake/prod"}})
    role = server.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/tailrace")
    rules = role["rules"]
    if change == "a resource more":
        rules.append({"apiGroups": ["storage.k8s.io"], "resources": ["volumeattachments"], "verbs": ["list"]})
    else:
        rules[0]["verbs"] = ["get", "list"] if change == "a verb less" else [*READ, "delete"]
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/tailrace"
    assert server.call("PUT", path, role)[0] == 200
    assert allowed(server, "tailrace", "default") != AGENT
    install(server, values={"config": {"sink": "s3", "lake": "s3://my-lake/prod"}})  # helm mends what was changed
    assert allowed(server, "tailrace", "default") == AGENT
