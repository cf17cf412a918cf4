"""kubeconfig: who we are, out of such a file; what it lacks is told."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tailrace.kube.kubeconfig import of_kubeconfig
from tailrace.kube.login import Login
from tailrace.kube.trouble import Trouble


def login(folder: Path, user: dict[str, Any], **cluster: Any) -> Login:
    """That of a file with such a user and cluster, among others."""
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "there", "context": {"cluster": "x", "user": "x"}},
                     {"name": "here", "context": {"cluster": "ours", "user": "we"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://x"}},
                     {"name": "ours", "cluster": {"server": "https://10.0.0.1:6443/", **cluster}}],
        "users": [{"name": "we", "user": user}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(json.dumps(config))
    return of_kubeconfig(folder / "kubeconfig")


def test_what_stands_in_the_file_is_as_good_as_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    for name in ("ca", "cert", "key"):
        (tmp_path / "pki" / name).write_text(name.upper())
    named = login(
        tmp_path, {"client-certificate": "pki/cert", "client-key": str(tmp_path / "pki/key")},
        **{"certificate-authority": "pki/ca"},
    )  # fmt: skip
    data = {name: b64encode(name.upper().encode()).decode() for name in ("ca", "cert", "key")}
    inline = login(
        tmp_path, {"client-certificate-data": data["cert"], "client-key-data": data["key"]},
        **{"certificate-authority-data": data["ca"]},
    )  # fmt: skip
    assert (named.ca, named.certificate, named.key) == (b"CA", b"CERT", b"KEY")
    assert named.tls() == inline.tls()
    assert named.url == "https://10.0.0.1:6443"
    assert {path.name for path in named.files} == {"kubeconfig", "ca", "cert", "key"}
    assert "KEY" not in repr(named)


def test_a_token_stands_in_the_file_or_in_one_of_its_own(tmp_path: Path) -> None:
    assert login(tmp_path, {"token": "abc"}).token == "abc"
    (tmp_path / "token").write_text("def\n")
    found = login(tmp_path, {"tokenFile": "token"})
    assert found.token == "def"
    assert tmp_path / "token" in found.files
    assert f"write it into {tmp_path / 'kubeconfig'}" in found.renew


def test_names_and_checks_of_the_certificate_are_as_the_file_says(tmp_path: Path) -> None:
    found = login(tmp_path, {"token": "a"}, **{"insecure-skip-tls-verify": True, "tls-server-name": "kubernetes"})
    assert (found.verify, found.server_name, found.ca) == (False, "kubernetes", None)


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        ({"exec": {"command": "aws"}}, {}, "gets its token by exec, which runs a program; give it a token of its own"),
        ({"auth-provider": {"name": "gcp"}}, {}, "gets its token by auth-provider"),
        ({"tokenFile": "absent"}, {}, "absent, which can't be read (No such file or directory); mend it"),
        ({}, {"certificate-authority-data": "%%"}, "lacks something"),
        (None, {}, "config view --minify"),
    ],
)
def test_what_the_file_lacks_is_told(tmp_path: Path, user: Any, cluster: dict[str, Any], said: str) -> None:
    with pytest.raises(Trouble) as raised:
        login(tmp_path, user, **cluster)
    assert raised.value.reason == "settings"
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["", "just words", "current-context: nowhere\ncontexts: []\n", "a: [", "\x00"])
def test_what_is_no_kubeconfig_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(Trouble, match=r"kubeconfig .* (lacks something|can't be read)") as raised:
        of_kubeconfig(tmp_path / "kubeconfig")
    assert raised.value.reason == "settings"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"can't be read \(.*No such file"):
        of_kubeconfig(tmp_path / "absent")
