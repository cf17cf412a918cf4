"""A real API server that refuses: what is told, once, and that what it tells mends it; lines never wait for that."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tailrace.kube.access import Access
from tailrace.kube.kubeconfig import of_kubeconfig
from tailrace.kube.metadata import Metadata
from tailrace.kube.settings import KubeSettings
from tailrace.kube.trouble import Trouble
from tests.kube.agent import QUICK, READ, pod, settings, started
from tests.servers.kubernetes import AGENT, Kubernetes
from tests.waiting import until

# Each watch ends after a second, so that each second's request shows whether we are still welcome.
RESTLESS = replace(QUICK, watch=0.5)
_COMMAND = re.compile(r"--verb=(\S+) --resource=(\S+) && .* --(user|serviceaccount)=(\S+);")


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def told(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    """The warnings that say such."""
    return [text for text in warned(caplog) if words in text]


def mended(cluster: Kubernetes, warning: str) -> tuple[str, str]:
    """Do what the commands of a warning say: kubectl is on no machine of ours. Returns verb and resource."""
    found = _COMMAND.search(warning)
    assert found is not None, warning
    verb, resource, kind, name = found.groups()
    rbac, role = "rbac.authorization.k8s.io", f"mended-{verb}-{resource}"
    assert (kind, name) == ("user", "agent")
    rules = [{"apiGroups": [""], "resources": [resource], "verbs": [verb]}]
    cluster.apply({"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules})
    cluster.apply({
        "apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": name}],
    })  # fmt: skip
    return verb, resource


def forget(cluster: Kubernetes, verb: str, resource: str) -> None:
    cluster.delete(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/mended-{verb}-{resource}")


def well(metadata: Metadata) -> bool:
    """Whether all that is asked for is answered."""
    state = metadata.state()
    return state.synced and ": known" in state.why and state.namespaces > 0


@pytest.mark.parametrize("resource", ["pods", "namespaces"])
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_missing_verb_is_told_once_with_commands_that_mend_it(
    cluster: Kubernetes, state: Path, caplog: pytest.LogCaptureFixture, verb: str, resource: str
) -> None:
    other = "namespaces" if resource == "pods" else "pods"
    cluster.allow(AGENT, ("list", "watch"), (other,))
    name = f"n-{verb}-{resource}"
    cluster.create(pod(f"web-{verb}-{resource}", name))
    missing = [verb]
    if verb == "watch":  # list alone is allowed
        assert mended(cluster, f"--verb=list --resource={resource} && x --user=agent;") == ("list", resource)
        missing.append("list")
    with started(settings(cluster, name, state), patience=0.0) as metadata:
        until(lambda: told(caplog, f"agent may not {verb} {resource} (403)"))
        asked = metadata.state().counters[f"{resource}_{verb}_requests"]
        until(lambda: metadata.state().counters[f"{resource}_{verb}_requests"] > asked + 3)  # refused again and again
        (warning,) = told(caplog, resource + " (403)")  # and told once
        assert ("without labels" if resource == "pods" else "annotations of namespaces") in warning
        assert (metadata.of("stranger"), metadata.state().synced) == (None, resource == "namespaces")
        assert f"may not {verb} {resource}" in metadata.state().why
        assert mended(cluster, warning) == (verb, resource)
        if verb == "list":  # the next thing that is missing is news
            until(lambda: told(caplog, f"may not watch {resource} (403)"))
            assert mended(cluster, told(caplog, f"may not watch {resource} (403)")[0]) == ("watch", resource)
            missing.append("watch")
        until(lambda: well(metadata) and metadata.state().pods == 1)
    for one in missing:
        forget(cluster, one, resource)


def test_a_token_that_is_no_longer_known_is_told_and_its_successor_taken_up(
    cluster: Kubernetes, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.allow("system:serviceaccount:shop:agent", *READ)
    cluster.create(pod("token-1", "n-token"))
    asked = settings(cluster, "n-token", state)
    config = Path(asked.kubeconfig)
    config.write_text(cluster.kubeconfig(cluster.token("shop", "agent")))
    with started(asked, RESTLESS, patience=0.0) as metadata:
        until(lambda: well(metadata) and metadata.state().pods == 1)
        config.write_text(cluster.kubeconfig(f"{cluster.token('shop', 'agent')[:-8]}expired="))
        until(lambda: len(told(caplog, "does not accept our token (401)")) == 2)  # pods and namespaces, each once
        renew = f"kubectl create token ACCOUNT -n NAMESPACE --duration=24h, and write it into {config}"
        assert renew in warned(caplog)[0]
        until(lambda: not metadata.state().synced)
        assert metadata.state().pods == 1  # what was known stays known
        config.write_text(cluster.kubeconfig(cluster.token("shop", "agent")))
        until(lambda: well(metadata))
        cluster.create(pod("token-2", "n-token"))
        until(lambda: metadata.state().pods == 2)
    assert len(told(caplog, "(401)")) == 2
    assert metadata.state().counters["pods_list_requests"] == 1


def test_watches_that_end_each_second_list_nothing_and_miss_nothing(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, *READ)
    made = 0
    with started(settings(cluster, "n-second", state), RESTLESS) as metadata:
        until(lambda: well(metadata))
        while metadata.state().counters["pods_watch_requests"] < 5:
            cluster.create(pod(f"short-{made}", "n-second"))
            made += 1
            time.sleep(0.05)  # pods come at any moment: while a watch runs, and between two
        until(lambda: metadata.state().pods == made)
        counters = metadata.state().counters
    assert (counters["pods_list_requests"], counters["namespaces_list_requests"]) == (1, 1)
    assert counters["pods_failures"] == 0


def test_another_certificate_is_told_until_its_authority_is_known(
    cluster: Kubernetes, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.allow(AGENT, *READ)
    asked = settings(cluster, "n-cert", state)
    ca = state / "ca.crt"
    shutil.copy(cluster.ca, ca)
    config = Path(asked.kubeconfig)
    config.write_text(config.read_text().replace(str(cluster.ca), str(ca)))
    with started(asked, patience=0.0) as metadata:
        until(lambda: well(metadata))
        cluster.kill()
        cluster.certify()
        cluster.start()
        until(lambda: told(caplog, "certificate is not trusted"))
        assert "it changed, or somebody stands between" in told(caplog, "not trusted")[0]
        assert "give us the authority that signed it" in told(caplog, "not trusted")[0]
        (state / "new").write_bytes(cluster.ca.read_bytes())
        (state / "new").replace(ca)
        until(lambda: well(metadata))
        cluster.create(pod("certain", "n-cert"))
        until(lambda: metadata.state().pods == 1)
    assert len(told(caplog, "not trusted")) == 2  # pods and namespaces, each once


def test_a_client_certificate_logs_in(cluster: Kubernetes, state: Path) -> None:
    config = Path(settings(cluster, "n-client", state).kubeconfig)
    text = cluster.kubeconfig(AGENT)
    key = cluster.folder / "server.key"
    named = f'{{"client-certificate": "{cluster.ca}", "client-key": "{key}"}}'
    config.write_text(text.replace(f'{{"token": "{AGENT}"}}', named))
    with pytest.raises(Trouble, match="tailrace test may not list pods"):
        Access(lambda: of_kubeconfig(config)).open("/api/v1/pods", {}, verb="list", resource="pods")
    config.write_text(text.replace(f'{{"token": "{AGENT}"}}', "{}"))
    with pytest.raises(Trouble, match="does not accept our lack of any token"):
        Access(lambda: of_kubeconfig(config)).open("/api/v1/pods", {}, verb="list", resource="pods")


def test_lines_wait_for_no_api_server_that_refuses(cluster: Kubernetes, state: Path) -> None:
    cluster.refuse(AGENT)
    asked: KubeSettings = settings(cluster, "n-wait", state, wait=0.2)
    with started(asked) as metadata:
        until(lambda: not metadata.waits("uid", time.monotonic()))
        until(lambda: metadata.state().why and "403" in metadata.state().why)
        until(lambda: not metadata.waits("another", time.monotonic()))
    assert metadata.missing["given_up"] == 2
