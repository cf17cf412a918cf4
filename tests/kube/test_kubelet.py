"""kubelet: its /pods instead of the API server's, for good or until that one answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tailrace.kube.kubelet import Kubelet
from tailrace.kube.pod import pod_decoder
from tailrace.kube.settings import KubeSettings
from tailrace.kube.trouble import Trouble
from tests.kube.agent import started
from tests.kube.capture import bodies, truth, workload
from tests.servers.answering import Answer, Answering, Asked
from tests.servers.certificate import certificate
from tests.waiting import until

REFUSED = Answer(
    403, b"Forbidden (user=system:serviceaccount:ops:tailrace, verb=get, resource=nodes, subresource=proxy)"
)


class Node(Answering):
    """A kubelet with a certificate and one token, that says what a real one said."""

    def __init__(self, folder: Path) -> None:
        self.ca, key = certificate(folder)
        super().__init__((str(self.ca), str(key)))
        self.body = bodies()["kubelet.pods.json"]

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Bearer abc":
            return Answer(401, b"Unauthorized")
        return Answer(200, self.body) if asked.path == "/pods" else Answer(404)


class Api(Answering):
    """An API server that allows nothing, until it may answer."""

    allowed = False

    def answer(self, asked: Asked) -> Answer:
        if not self.allowed:
            return Answer(403, b'{"message":"User \\"we\\" cannot"}')
        if parse_qs(urlsplit(asked.path).query).get("watch"):
            return Answer(200)
        return Answer(200, b'{"kind":"List","metadata":{"resourceVersion":"7"},"items":[]}')


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(tmp_path) as node:
        yield node


@pytest.fixture
def account(tmp_path: Path, node: Node) -> Path:
    """The service account's folder."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text("abc")
    (folder / "ca.crt").write_bytes(node.ca.read_bytes())
    return folder


def kubelet(node: Node, account: Path, verify: bool = True) -> Kubelet:
    return Kubelet(node.url + "/", verify, pod_decoder(), account)


def test_a_real_kubelets_pods_are_those_that_logged(node: Node, account: Path) -> None:
    asked = kubelet(node, account)
    found = {pod.uid: pod for pod in asked.pods()}
    told = truth()
    assert len(found.keys() & told.keys()) > 20
    assert all((found[u].workload_kind, found[u].workload) == workload(told[u]) for u in found.keys() & told.keys())
    static = next(pod for pod in found.values() if pod.workload == "kube-proxyish")
    assert static.uid == "bf8ec6ca3228d50f7a368c7e38c2defd"
    assert asked.counters == {
        "kubelet_requests": 1, "kubelet_bytes": len(node.body), "kubelet_failures": 0, "kubelet_skipped": 0,
    }  # fmt: skip


def test_a_kubelet_signs_its_own_certificate_which_may_be_allowed(node: Node, account: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (account / "ca.crt").write_bytes(certificate(tmp_path / "other")[0].read_bytes())
    with pytest.raises(Trouble, match="the kubelet's certificate is not trusted"):
        kubelet(node, account).pods()
    assert kubelet(node, account, verify=False).pods()


def test_what_the_kubelet_refuses_is_told_with_the_command_that_allows_it(node: Node, account: Path) -> None:
    node.faults.append(REFUSED)
    with pytest.raises(Trouble) as raised:
        kubelet(node, account).pods()
    assert "the kubelet: system:serviceaccount:ops:tailrace may not get nodes/pods (403)" in str(raised.value)
    assert "--verb=get --resource=nodes/pods" in str(raised.value)
    assert "--serviceaccount=ops:tailrace" in str(raised.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"kind":"PodList","items":[{"metadata":', "cut off"),
        (b'{"kind":"NodeList","items":[]}', "something else than a list of pods"),
        (b"<html>", "no list of Kubernetes objects"),
        (b'{"kind":"PodList","items":[{nonsense}]}', "a pod that is no JSON"),
    ],
)
def test_what_is_no_list_of_pods_is_told(node: Node, account: Path, body: bytes, said: str) -> None:
    node.body = body
    asked = kubelet(node, account)
    with pytest.raises(Trouble, match=said):
        asked.pods()
    assert asked.counters["kubelet_failures"] == 1


def test_pods_come_from_the_kubelet_every_so_often_if_that_is_chosen(node: Node, account: Path, tmp_path: Path) -> None:
    settings = KubeSettings("n1", tmp_path, "kubelet", kubelet_url=node.url, account=account)
    with started(settings) as metadata:
        until(lambda: metadata.state().synced)
        assert metadata.state().source == "kubelet"
        uid = next(iter(truth()))
        assert metadata.of(uid) is not None
        few = json.loads(node.body)
        few["items"] = [{"metadata": {"name": "new", "namespace": "shop", "uid": "new"}, "spec": {"nodeName": "n1"}}]
        node.body = json.dumps(few).encode()
        until(lambda: metadata.of("new"))
        assert metadata.of(uid) is not None  # gone, but its files may still be read
    with started(settings) as metadata:
        assert metadata.of("new") is not None


def test_the_kubelet_is_asked_while_the_api_server_forbids_and_no_longer(
    node: Node, account: Path, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with Api() as api:
        kubeconfig.write_text(json.dumps({
            "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": {"server": api.url}}], "users": [{"name": "x", "user": {}}],
        }))  # fmt: skip
        settings = KubeSettings("n1", tmp_path, "api", str(kubeconfig), node.url, account=account, start_jitter=0.0)
        with started(settings) as metadata:
            until(lambda: metadata.of(next(iter(truth()))))
            until(lambda: metadata.state().synced)
            state = metadata.state()
            assert state.source == "kubelet"
            assert "may not list pods" in state.why or "may not list namespaces" in state.why
            api.allowed = True
            until(lambda: metadata.state().source == "api")
            until(lambda: metadata.state().counters["pods_watch_requests"] > 3)
            asked = len(node.asked)
            watched = metadata.state().counters["pods_watch_requests"]
            until(lambda: metadata.state().counters["pods_watch_requests"] > watched + 3)
            assert len(node.asked) == asked
            assert metadata.of(next(iter(truth())))


def test_the_kubelet_is_asked_once_the_api_server_has_been_away_for_long(
    node: Node, account: Path, tmp_path: Path
) -> None:
    settings = KubeSettings(
        "n1", tmp_path, "api", str(tmp_path / "absent"), node.url, account=account, start_jitter=0.0
    )
    with started(settings, down=1e9) as metadata:
        until(lambda: metadata.state().counters["pods_failures"] > 3)
        assert not node.asked
    with started(settings, down=0.1) as metadata:
        until(lambda: metadata.of(next(iter(truth()))))
