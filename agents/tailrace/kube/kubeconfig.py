"""kubeconfig: a kubeconfig file in, a login out: a token, a client certificate, authorities; named or inline.

A user whose token comes from a command (`exec`, as for EKS) or from an `auth-provider` is refused: the agent starts
no programs. Paths are relative to the file.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

from tailrace.kube.login import Login
from tailrace.kube.trouble import Trouble

_RENEW = "kubectl create token ACCOUNT -n NAMESPACE --duration=24h, and write it into {}"


def of_kubeconfig(path: Path) -> Login:
    """The server and user of the file's current context. Raises Trouble (settings)."""
    import yaml

    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as e:
        raise Trouble("settings", f"kubeconfig {path} can't be read ({str(e)[:200]})", "mend the file") from None
    try:
        return _login(path, config)
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise Trouble(
            "settings", f"kubeconfig {path} lacks something ({e!r:.200})",
            f"see what kubectl --kubeconfig {path} config view --minify says",
        ) from None  # fmt: skip


def _login(path: Path, config: dict[str, Any]) -> Login:
    context = _named(config, "contexts", "context", config["current-context"])
    cluster = _named(config, "clusters", "cluster", context["cluster"])
    user = _named(config, "users", "user", context["user"])
    if others := [name for name in ("exec", "auth-provider") if name in user]:
        raise Trouble(
            "settings",
            f"kubeconfig {path}: user {context['user']} gets its token by {others[0]}, which runs a program",
            f"give it a token of its own: {_RENEW.format(path)}",
        )  # fmt: skip
    files = [path]

    def data(holder: dict[str, Any], name: str) -> bytes:
        if inline := holder.get(f"{name}-data"):
            return b64decode(inline, validate=True)
        if not (named := holder.get(name)):
            return b""
        files.append(path.parent / named)
        try:
            return files[-1].read_bytes()
        except OSError as e:
            why = f"kubeconfig {path} names {files[-1]}, which can't be read ({e.strerror})"
            raise Trouble("settings", why, "mend it") from None

    token = user.get("token", "")
    if not token and user.get("tokenFile"):
        token = data({"token": user["tokenFile"]}, "token").decode()
    return Login(
        url=str(cluster["server"]).rstrip("/"),
        ca=data(cluster, "certificate-authority") or None,
        token=token.strip(),
        certificate=data(user, "client-certificate"),
        key=data(user, "client-key"),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        server_name=cluster.get("tls-server-name", ""),
        files=tuple(files),
        renew=_RENEW.format(path),
    )


def _named(config: dict[str, Any], kind: str, inner: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry[inner] for entry in [*config[kind], {"name": name, inner: None}]
                                 if entry["name"] == name)  # fmt: skip
    if found is None:
        raise KeyError(f"{inner} {name}")
    return found
