"""kubernetes: a real kube-apiserver over a real etcd, on free ports, with RBAC. No controllers, no scheduler, no node.

    with Kubernetes(tmp_path) as k:             # some four seconds, 350 MB: one for a test module (a module's fixture)
        k.url, k.ca                             # https://127.0.0.1:PORT, the certificate's authority (a PEM file)
        k.create(body), k.apply(body)           # an object as a dict; apply may be repeated
        k.get(path), k.delete(path)             # path as in /api/v1/namespaces/default/pods/web
        k.call("PATCH", path, body, …)          # anything else: status and body
        k.allow(AGENT, verbs=…, resources=…)    # what a user may, by RBAC; refuse() takes it back
        k.token("default", "tailrace")          # a service account's own token (TokenRequest)
        k.kubeconfig(token)                     # the text of a kubeconfig file
        k.asked()                               # every request of the audit log: verb, resource, user, status …
        k.stop(), k.start(), k.kill()           # the API server alone; etcd and the port stay
        k.expire()                              # every resourceVersion up to now is gone: 410
        k.certify()                             # another certificate, of another authority: use it with stop and start

ADMIN's token may do everything; AGENT's nothing but what `allow` says. A pod may name a node that does not exist
(`spec.nodeName`), so it can be watched as a node's pod; nobody runs it, and a deletion needs gracePeriodSeconds=0,
which `delete` sends. The ServiceAccount admission is off, so pods need no service account.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers import etcd
from tests.servers.certificate import certificate
from tests.servers.etcd import Etcd
from tests.servers.parts import Server, binary, free_port

ADMIN, AGENT = "admin-token", "agent-token"
_AUDIT = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: %s}]\n"


def found() -> bool:
    """Whether its binaries are there."""
    return binary("kube-apiserver") is not None and etcd.found()


class Refused(AssertionError):
    """The API server did not do what a test asked it to."""


class Kubernetes:
    """An API server. See the module."""

    def __init__(
        self, folder: Path, tokens: Mapping[str, str] | None = None, flags: Sequence[str] = (), audit: bool = True
    ) -> None:
        """tokens: more of them, token to user name. flags: more of the server's own. audit: whether `asked` works."""
        self.folder = folder / "kubernetes"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.etcd = Etcd(self.folder)
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}
        keys = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (self.folder / "sa.key").write_bytes(
            keys.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain)
        )
        (self.folder / "sa.pub").write_bytes(
            keys.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        rows = [f'{ADMIN},admin,1,"system:masters"', f'{AGENT},agent,2,"agents"']
        rows += [f"{token},{user},{user}" for token, user in (tokens or {}).items()]
        (self.folder / "tokens.csv").write_text("\n".join(rows) + "\n")
        (self.folder / "policy.yaml").write_text(_AUDIT % ("Metadata" if audit else "None"))
        self.certify()
        self._server = Server(self._words(flags), self.port, self.folder / "kube-apiserver.txt")

    def _words(self, flags: Sequence[str]) -> list[str]:
        at = self.folder
        return [
            str(binary("kube-apiserver")), f"--etcd-servers={self.etcd.url}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", f"--secure-port={self.port}", f"--cert-dir={at / 'pki'}",
            f"--tls-cert-file={at / 'server.crt'}", f"--tls-private-key-file={at / 'server.key'}",
            f"--token-auth-file={at / 'tokens.csv'}", "--authorization-mode=Node,RBAC", "--anonymous-auth=false",
            f"--service-account-key-file={at / 'sa.pub'}", f"--service-account-signing-key-file={at / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount", "--allow-privileged=true", "--endpoint-reconciler-type=none",
            f"--audit-policy-file={at / 'policy.yaml'}", f"--audit-log-path={at / 'audit.ndjson'}",
            "--shutdown-delay-duration=0s", *flags,
        ]  # fmt: skip

    def __enter__(self) -> Kubernetes:
        try:
            self.etcd.start()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End both. The API server's farewell of seconds is for clients that we have not."""
        with suppress(AssertionError):  # it was not started
            self._server.kill()
        self.etcd.close()

    @property
    def ca(self) -> Path:
        """The authority of its certificate."""
        return self.folder / "server.crt"

    def certify(self) -> None:
        """Make another certificate, of another authority. The server takes it up by itself, or at its next start."""
        made = self.folder / "made"
        made.mkdir(exist_ok=True)
        pem, key = certificate(made)
        key.rename(self.folder / "server.key")
        pem.rename(self.folder / "server.crt")

    def start(self) -> None:
        """Until it is ready, and RBAC's own roles are made."""
        self._http = urllib3.PoolManager(
            retries=False, timeout=20.0, maxsize=4, ssl_context=ssl.create_default_context(cafile=str(self.ca))
        )
        self._server.start(self._ready, 120)

    def _ready(self) -> bool:
        try:
            return self.call("GET", "/readyz")[0] == 200
        except urllib3.exceptions.HTTPError:
            return False

    def stop(self) -> None:
        """End the API server: watches end as they do when it is updated."""
        self._server.close()

    def kill(self) -> None:
        """SIGKILL to the API server: connections break."""
        self._server.kill()

    def expire(self) -> None:
        """Make every resourceVersion up to now too old to watch from, and every `continue` given so far.

        The watch cache would still know them, so the API server is started anew.
        """
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tick"}})
        self.call(
            "PATCH", "/api/v1/namespaces/tick", {"metadata": {"labels": {"at": str(free_port())}}},
            type="application/merge-patch+json",
        )  # fmt: skip
        now = int(self.get("/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"])
        self.kill()  # with watches open it takes its time to end
        self.etcd.compact(now)
        self.start()

    def call(
        self, method: str, path: str, body: object = None, *, token: str = ADMIN, type: str = "application/json",
        accept: str = "application/json",
    ) -> tuple[int, Any]:  # fmt: skip
        """Status and body (decoded, if it is JSON) of one request."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": type, "accept": accept}
        answer = self._http.request(method, self.url + path, body=data, headers=headers)
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status, json.loads(answer.data) if is_json else answer.data.decode(errors="replace")

    def _done(self, method: str, path: str, body: object = None, **more: str) -> Any:
        status, said = self.call(method, path, body, **more)
        if status >= 300:
            raise Refused(f"{method} {path}: {status} {said}")
        return said

    def get(self, path: str) -> Any:
        """What lies at a path."""
        return self._done("GET", path)

    def delete(self, path: str, seconds: int = 0) -> Any:
        """Delete it, at once unless it has finalizers."""
        return self._done("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": seconds})

    def create(self, body: Mapping[str, Any]) -> Any:
        """Make an object; one without a namespace goes to `default`. Its status, if it has one, is set too."""
        made = self._done("POST", self.folder_of(body), body)
        if "status" in body and body["kind"] in ("Pod", "Node"):
            path = f"{self.folder_of(body)}/{made['metadata']['name']}/status"
            made = self._done("PATCH", path, {"status": body["status"]}, type="application/merge-patch+json")
        return made

    def apply(self, body: Mapping[str, Any]) -> Any:
        """Make an object, or make it what `body` says."""
        path = f"{self.folder_of(body)}/{body['metadata']['name']}?fieldManager=test&force=true"
        return self._done("PATCH", path, body, type="application/apply-patch+yaml")

    def folder_of(self, body: Mapping[str, Any]) -> str:
        """The path under which objects of this kind and namespace lie."""
        version = body["apiVersion"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if body["kind"] not in self._resources.get(group, {}):
            found = self.get(group)["resources"]
            self._resources[group] = {r["kind"]: (r["name"], r["namespaced"]) for r in found if "/" not in r["name"]}
        name, namespaced = self._resources[group][body["kind"]]
        namespace = body["metadata"].get("namespace", "default")
        return f"{group}/namespaces/{namespace}/{name}" if namespaced else f"{group}/{name}"

    def namespace(self, name: str, annotations: Mapping[str, str] | None = None) -> None:
        """Make a namespace, or give it other annotations."""
        about = {"name": name, "annotations": annotations or {}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": about})

    def allow(self, user: str, verbs: Sequence[str], resources: Sequence[str], group: str = "") -> None:
        """Let a user (its name, or one of our tokens) do that everywhere; replaces what it might do before."""
        name = {AGENT: "agent", ADMIN: "admin"}.get(user, user)
        about = {"name": f"test:{name}"}
        rbac = "rbac.authorization.k8s.io"
        rules = [{"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}] if verbs else []
        self.apply({"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": about, "rules": rules})
        self.apply({
            "apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": about,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": about["name"]},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": name}],
        })  # fmt: skip

    def refuse(self, user: str) -> None:
        """Take back what `allow` gave."""
        self.allow(user, (), ())

    def token(self, namespace: str, account: str, seconds: int = 3600) -> str:
        """A token of a service account, made if it does not exist. The API server gives 600 s at least."""
        about = {"name": account, "namespace": namespace}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about})
        wanted = {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}
        }  # fmt: skip
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self._done("POST", path, wanted)["status"]["token"])

    def kubeconfig(self, token: str = ADMIN, url: str = "") -> str:
        """The text of a kubeconfig file. url: another way to the server, e.g. through a proxy."""
        cluster = {"server": url or self.url, "certificate-authority": str(self.ca)}
        return json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        })  # fmt: skip

    def asked(self, user: str = "agent") -> list[dict[str, Any]]:
        """A user's requests so far, in the audit log's form; a watch is there as soon as it has begun."""
        lines = (self.folder / "audit.ndjson").read_text().splitlines()
        events = [event for line in lines if (event := json.loads(line))["user"].get("username") == user]
        return list({event["auditID"]: event for event in reversed(events)}.values())[::-1]
