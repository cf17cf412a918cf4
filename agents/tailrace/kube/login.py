"""login: where a server is and who we are, out of a pod's service account. kubeconfig.py does it from such a file.

A login holds what its files said when it was made. The kubelet renews a pod's token (about every hour) and the
authorities in place: `files` tells access.py what to look at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tailrace.kube.trouble import Trouble

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Login:
    """A server and how to speak to it. ca, certificate, key: PEM; ca None: the system's authorities."""

    url: str
    ca: bytes | None = None
    token: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    verify: bool = True
    server_name: str = ""
    files: tuple[Path, ...] = ()
    renew: str = ""  # the command that gives us a new token

    def tls(self) -> tuple[object, ...]:
        """What a connection depends on; the token is sent with each request."""
        return (self.url, self.ca, self.certificate, self.key, self.verify, self.server_name)


def in_cluster(environ: Mapping[str, str] | None = None) -> bool:
    """Whether this process runs in a pod."""
    return bool((os.environ if environ is None else environ).get("KUBERNETES_SERVICE_HOST"))


def of_pod(environ: Mapping[str, str] | None = None, folder: Path = ACCOUNT) -> Login:
    """The API server as a pod finds it. Raises Trouble if this is no pod, or has no token."""
    environ = os.environ if environ is None else environ
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise Trouble(
            "settings", "KUBERNETES_SERVICE_HOST is not set: this is no pod", "run it in one, or name a kubeconfig file"
        )
    return of_account(f"https://{f'[{host}]' if ':' in host else host}:{port}", environ, folder)


def of_account(
    url: str, environ: Mapping[str, str] | None = None, folder: Path = ACCOUNT, verify: bool = True
) -> Login:
    """A server that knows the pod's service account: the API server, or the kubelet. Raises Trouble."""
    environ = os.environ if environ is None else environ
    token, ca = folder / "token", folder / "ca.crt"
    namespace = _text(folder / "namespace") or "NAMESPACE"
    renew = f"kubectl -n {namespace} delete pod {environ.get('HOSTNAME', 'POD')} (its successor gets a new one)"
    if not (said := _text(token)):
        raise Trouble(
            "settings", f"the service account's token {token} is missing or empty",
            "set automountServiceAccountToken: true in the pod",
        )  # fmt: skip
    authorities = (_text(ca) or "").encode() or None
    return Login(url, authorities, said, verify=verify, files=(token, ca), renew=renew)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
