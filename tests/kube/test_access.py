"""access: who we are is read anew when it changes; what goes wrong is told apart, with what mends it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.kube.access import Access
from tailrace.kube.login import Login, of_account, of_pod
from tailrace.kube.trouble import Reason, Trouble
from tests.servers.answering import LOST, Answer, Answering, Asked
from tests.servers.certificate import certificate
from tests.servers.parts import free_port


class Guarded(Answering):
    """A server with TLS that knows one token. Its certificate is `ca`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ca, key = certificate(folder)
        super().__init__((str(self.ca), str(key)))
        self.token = "first"

    def answer(self, asked: Asked) -> Answer:
        return Answer(200, b"yes") if asked.headers.get("authorization") == f"Bearer {self.token}" else Answer(401)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Guarded]:
    with Guarded(tmp_path / "server") as server:
        yield server


@pytest.fixture
def account(tmp_path: Path, server: Guarded) -> Path:
    """A pod's service account, as the kubelet lays it down."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text("first\n")
    (folder / "ca.crt").write_bytes(server.ca.read_bytes())
    (folder / "namespace").write_text("tailrace")
    return folder


def replace(path: Path, content: bytes) -> None:
    """As the kubelet does it: another file by the same name."""
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").replace(path)


def ask(access: Access, verb: str = "list", resource: str = "pods") -> bytes:
    with access.open("/api", {}, verb=verb, resource=resource, timeout=10) as stream:
        return b"".join(stream)


def trouble(access: Access) -> Trouble:
    """Why it can't be asked."""
    with pytest.raises(Trouble) as raised:
        ask(access)
    return raised.value


def test_a_token_that_was_renewed_is_used_from_the_next_request_on(server: Guarded, account: Path) -> None:
    access = Access(lambda: of_account(server.url, folder=account))
    assert ask(access) == b"yes"
    server.token = "second"
    replace(account / "token", b"second")
    assert ask(access) == b"yes"
    assert len(server.asked) == 2  # nobody was asked with the old one


def test_a_token_that_is_renewed_without_a_trace_is_found_after_a_401(server: Guarded) -> None:
    tokens = iter(("first", "second"))
    access = Access(lambda: Login(server.url, server.ca.read_bytes(), next(tokens)))
    assert ask(access) == b"yes"
    server.token = "second"
    assert ask(access) == b"yes"


def test_an_authority_that_is_renewed_without_a_trace_is_found_after_the_handshake(
    server: Guarded, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    authorities = iter((certificate(tmp_path / "old")[0], server.ca))
    access = Access(lambda: Login(server.url, next(authorities).read_bytes(), "first"))
    assert ask(access) == b"yes"


def test_a_token_that_expired_is_told_with_the_command_that_renews_it(server: Guarded, account: Path) -> None:
    server.token = "other"
    access = Access(lambda: of_account(server.url, {"HOSTNAME": "tailrace-x7"}, account))
    found = trouble(access)
    assert found.reason == "expired"
    assert found.lasting
    assert "does not accept our token (401): it is expired or unknown" in found.said
    assert "check the clock; get a new one: kubectl -n tailrace delete pod tailrace-x7" in found.mend
    assert len(server.asked) == 1  # the file did not change: asking again would be the same question
    replace(account / "token", b"other")
    assert ask(access) == b"yes"


def test_an_authority_that_changed_is_taken_up_and_a_stranger_is_told(
    server: Guarded, account: Path, tmp_path: Path
) -> None:
    with Guarded(tmp_path / "successor") as successor:
        urls = [server.url]
        access = Access(lambda: of_account(urls[0], folder=account))
        assert ask(access) == b"yes"
        urls[0] = successor.url
        (account / "token").touch()
        found = trouble(access)
        assert found.reason == "certificate"
        assert found.lasting
        assert "certificate is not trusted" in found.said
        assert "it changed, or somebody stands between" in found.said
        assert "ca.crt of the service account" in found.mend
        replace(account / "ca.crt", successor.ca.read_bytes())
        assert ask(access) == b"yes"
        assert not successor.asked[:-1]  # the token was shown to nobody whose certificate is not trusted


def test_a_certificate_that_expired_is_told_as_such(account: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    ca, key = certificate(tmp_path / "old", days=-1)
    replace(account / "ca.crt", ca.read_bytes())
    with Answering((str(ca), str(key))) as server:
        found = trouble(Access(lambda: of_account(server.url, folder=account)))
    assert found.reason == "certificate"
    assert "certificate has expired" in found.said
    assert "check the clock" in found.mend


SAID = b'{"kind":"Status","message":"pods is forbidden: User \\"%s\\" cannot watch resource","code":403}'


@pytest.mark.parametrize(
    ("user", "whom"),
    [(b"system:serviceaccount:ops:tailrace", "--serviceaccount=ops:tailrace"), (b"jane", "--user=jane")],
)
def test_a_verb_that_is_missing_is_named_with_the_commands_that_give_it(
    server: Guarded, account: Path, user: bytes, whom: str
) -> None:
    server.faults.append(Answer(403, SAID % user))
    access = Access(lambda: of_account(server.url, folder=account))
    with pytest.raises(Trouble) as raised:
        ask(access, "watch", "pods")
    assert raised.value.reason == "forbidden"
    assert raised.value.lasting
    assert f"{user.decode()} may not watch pods (403)" in raised.value.said
    assert (
        "kubectl create clusterrole tailrace-watch-pods --verb=watch --resource=pods && "
        f"kubectl create clusterrolebinding tailrace-watch-pods --clusterrole=tailrace-watch-pods {whom}"
    ) in raised.value.mend


@pytest.mark.parametrize(
    ("answer", "reason", "wait"),
    [
        (Answer(429, b"", {"retry-after": "7"}), "throttled", 7.0),
        (Answer(429, b"", {"retry-after": "999999"}), "throttled", 300.0),
        (Answer(503, b"", {"retry-after": "1"}), "throttled", 1.0),
        (Answer(503, b"no healthy upstream"), "failed", None),
        (Answer(504), "timeout", None),
        (Answer(500, b"\xff{"), "failed", None),
        (Answer(410, b"{}"), "gone", None),
        (Answer(404, b"404 page not found"), "missing", None),
        (Answer(302, b"", {"location": "/login"}), "failed", None),
        (LOST, "unreachable", None),
    ],
)
def test_answers_that_are_no_answers_are_told_apart(
    server: Guarded, account: Path, answer: Answer, reason: Reason, wait: float | None
) -> None:
    access = Access(lambda: of_account(server.url, folder=account))
    server.faults.append(answer)
    found = trouble(access)
    assert (found.reason, found.wait) == (reason, wait)
    assert ask(access) == b"yes"


def test_nobody_listening_is_told_from_a_name_that_nobody_knows() -> None:
    nobody = trouble(Access(lambda: Login(f"http://127.0.0.1:{free_port()}")))
    assert nobody.reason == "unreachable"
    assert not nobody.lasting
    assert "nothing takes connections at 127.0.0.1" in nobody.said
    unknown = trouble(Access(lambda: Login("https://api.invalid:6443")))
    assert unknown.reason == "dns"
    assert "the name api.invalid is not known (DNS)" in unknown.said
    assert "check the node's DNS" in unknown.mend


def test_a_way_that_is_not_there_is_told_as_such() -> None:
    found = trouble(Access(lambda: Login("http://224.0.0.1:6443")))  # a multicast address: TCP has no route to it
    assert found.reason == "unreachable"
    assert "no route to 224.0.0.1" in found.said
    assert "network policy" in found.mend


def test_silence_ends_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = Access(lambda: Login(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(Trouble, match="sent nothing for too long") as raised:
            access.open("/", {}, verb="list", resource="pods", timeout=0.05)
    assert raised.value.reason == "timeout"


def test_a_pod_finds_its_api_server_and_what_is_no_pod_is_told(tmp_path: Path, account: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    found = of_pod(environ, account)
    assert (found.url, found.token) == ("https://10.0.0.1:6443", "first")
    assert of_pod({"KUBERNETES_SERVICE_HOST": "fd00::1"}, account).url == "https://[fd00::1]:443"
    assert "first" not in repr(found)
    with pytest.raises(Trouble, match="this is no pod; run it in one, or name a kubeconfig file"):
        of_pod({}, account)
    with pytest.raises(Trouble, match="is missing or empty; set automountServiceAccountToken: true"):
        of_pod(environ, tmp_path)


@pytest.mark.parametrize("url", ["10.0.0.1:6443", "", "ftp://host"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    found = trouble(Access(lambda: Login(url)))
    assert found.reason == "settings"
    assert "write it like https://host:6443" in found.mend
