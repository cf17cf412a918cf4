"""http: a server that is not there, not trusted, slow or elsewhere is told apart, and said with what mends it."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tailrace.delivery.formats.packed import gzipped
from tailrace.delivery.http import Answer, Http, HttpSettings, refused
from tailrace.delivery.refusal import Refused
from tests.servers import answering
from tests.servers.answering import Answering
from tests.servers.parts import free_port
from tests.servers.proxy import Proxy


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering() as s:
        yield s


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tailrace-test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return str(folder / "ca.pem"), str(folder / "key.pem")


def http(url: str, **settings: object) -> Http:
    return Http("sink elasticsearch", HttpSettings(url=url, **settings))  # type: ignore[arg-type]


def refusal(of: Http) -> Refused:
    with pytest.raises(Refused) as found:
        of.call("POST", "/x", b"body")
    return found.value


def test_a_request_goes_below_the_url_with_its_headers_and_the_connection_is_kept(server: Answering) -> None:
    one = http(server.url + "/base/", user="u", password="p")
    for _ in range(2):
        assert one.call("POST", "/x?y=1", gzipped(b"body"), type="text/plain", gzip=True).status == 200
    assert [(a.method, a.path, a.body) for a in server.asked] == [("POST", "/base/x?y=1", b"body")] * 2
    asked = server.asked[0].headers
    assert (asked["content-type"], asked["authorization"]) == ("text/plain", "Basic dTpw")
    assert gzip.decompress(gzipped(b"body")) == b"body"


def test_a_server_is_spoken_to_only_if_its_certificate_is_trusted(certificate: tuple[str, str]) -> None:
    with Answering(certificate) as server:
        assert http(server.url, ca=certificate[0]).call("GET", "/").status == 200
        found = refusal(http(server.url))
        assert found.reason == "unreachable"
        assert "set ca to the authority" in found.mend
        other_name = server.url.replace("127.0.0.1", "localhost")
        assert "set ca" in refusal(http(other_name, ca=certificate[0])).mend
        assert len(server.asked) == 1


def test_an_authority_that_cannot_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")
    for name in ("missing.pem", "broken.pem"):
        with pytest.raises(ValueError, match=rf"{name}, can't be used"):
            http("https://127.0.0.1:1", ca=str(tmp_path / name))


def test_no_server_no_name_and_no_answer_are_told_apart(server: Answering) -> None:
    found = refusal(http(f"http://127.0.0.1:{free_port()}"))
    assert (found.reason, "no connection" in found.what) == ("unreachable", True)
    found = refusal(http("http://no-such-host.invalid"))
    assert (found.reason, "not known (DNS)" in found.what) == ("unreachable", True)
    with Proxy(int(server.url.rpartition(":")[2])) as proxy:
        proxy.fail("stall")
        found = refusal(http(proxy.endpoint, timeout=0.2))
        assert (found.reason, "no answer within 0.2 s" in found.what) == ("timeout", True)
        proxy.fail("lose", 1)
        assert refusal(http(proxy.endpoint)).reason == "unreachable"


def test_a_redirect_is_not_followed_and_says_where_to(server: Answering) -> None:
    server.faults.append(answering.Answer(308, headers={"location": "https://elsewhere/x"}))
    answer = http(server.url).call("POST", "/x", b"body")
    found = refused(answer, "the export")
    assert (found.reason, found.mend) == ("missing", "mend url")
    assert "https://elsewhere/x" in found.what
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("after", "wait"), [("7", 7.0), ("1.5", 1.5), ("99999", 300.0), ("soon", None), ("", None), ("-1", None)]
)
def test_retry_after_is_read_as_seconds_within_reason(after: str, wait: float | None) -> None:
    assert Answer(429, {"retry-after": after}, b"").wait == wait


def test_retry_after_may_be_a_date() -> None:
    found = Answer(503, {"retry-after": formatdate(time.time() + 100, usegmt=True)}, b"").wait
    assert found is not None
    assert 0 < found <= 100
    assert Answer(503, {"retry-after": formatdate(0, usegmt=True)}, b"").wait == 0


def test_what_a_server_says_is_one_line_of_the_message() -> None:
    found = refused(Answer(500, {}, b"first\n\tsecond" + b"x" * 5000), "the request")
    assert str(found).startswith("the request was answered 500 (first second")
    assert len(str(found)) < 400
