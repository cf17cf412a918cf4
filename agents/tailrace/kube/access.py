"""access: a path of the API server (or of the kubelet) in, a stream of bytes out, or a Trouble that says what mends it.

Files that hold the token and the authorities are looked at before each request, and read anew when they changed; a
401 and a certificate that is not trusted make us read them once more before anybody is told.
"""

from __future__ import annotations

import errno
import os
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from tailrace.kube.kubeconfig import of_kubeconfig
from tailrace.kube.login import ACCOUNT, Login, of_pod
from tailrace.kube.trouble import Trouble, forbidden

if TYPE_CHECKING:
    import urllib3

JSON = "application/json"
_CONNECT = 5.0  # seconds
_PIECE = 1 << 16
_LONGEST_WAIT = 300.0  # seconds that a Retry-After is believed
_GZIP = "gzip"
_KEPT = 4  # connections: two watches, and what is asked beside them


class Status(msgspec.Struct):
    """What Kubernetes says instead of what was asked for."""

    message: str = ""
    reason: str = ""
    code: int = 0


class Access:
    """Requests to one server, over connections that are kept. For any number of threads."""

    def __init__(self, load: Callable[[], Login], name: str = "the API server") -> None:
        """load: makes the login, again each time its files change. name: for messages. Speaks to nobody yet."""
        self._load, self._name = load, name
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._marks: tuple[object, ...] = ()
        self._pool: urllib3.HTTPConnectionPool | None = None

    def open(
        self, path: str, query: Mapping[str, str], *, verb: str, resource: str, accept: str = JSON,
        timeout: float = 30.0, gzip: bool = False, method: str = "GET", body: bytes | None = None,
    ) -> Stream:  # fmt: skip
        """Ask. verb, resource: in RBAC's words, for messages. timeout: seconds without a byte. body: JSON. Raises
        Trouble."""
        where = f"{path}?{urlencode(query)}" if query else path
        headers = {"accept": accept, "accept-encoding": _GZIP if gzip else "identity", "user-agent": _agent()}
        if body is not None:
            headers["content-type"] = JSON
        again = True
        while True:
            login, pool = self._current()
            if login.token:
                headers["authorization"] = f"Bearer {login.token}"
            try:
                answer = self._ask(pool, where, headers, timeout, method, body)
            except Trouble as trouble:
                if again and trouble.reason == "certificate" and self._renewed(login):
                    again = False
                    continue
                raise
            if answer.status in (200, 201):
                return Stream(answer, self._name)
            refusal = self._refused(answer, login, verb, resource)
            if again and refusal.reason == "expired" and self._renewed(login):
                again = False
                continue
            raise refusal

    def _ask(
        self, pool: urllib3.HTTPConnectionPool, where: str, headers: Mapping[str, str], timeout: float, method: str,
        body: bytes | None,
    ) -> urllib3.BaseHTTPResponse:  # fmt: skip
        import urllib3

        try:
            return pool.urlopen(
                method, where, body=body, headers=headers, redirect=False, retries=False, preload_content=False,
                timeout=urllib3.Timeout(connect=_CONNECT, read=timeout),
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise unanswered(self._name, pool.host, e) from e

    def _current(self) -> tuple[Login, urllib3.HTTPConnectionPool]:
        with self._lock:
            login = self._login
            if login is None or tuple(map(_mark, login.files)) != self._marks or self._pool is None:
                login = self._read()
            assert self._pool is not None
            return login, self._pool

    def _renewed(self, used: Login) -> bool:
        """Whether the login is another one than `used` once its files have been read anew."""
        with self._lock:
            if self._login is used:
                self._read()
            return self._login != used

    def _read(self) -> Login:
        marks = tuple(map(_mark, self._login.files)) if self._login else ()
        login = self._load()
        if self._pool is None or self._login is None or self._login.tls() != login.tls():
            self._pool = _pool(login, self._name)
        if self._login is None or self._login.files != login.files:
            marks = tuple(map(_mark, login.files))
        self._login, self._marks = login, marks
        return login

    def _refused(self, answer: urllib3.BaseHTTPResponse, login: Login, verb: str, resource: str) -> Trouble:
        said = _said(answer)
        status, wait = answer.status, _wait(answer.headers.get("retry-after", ""))
        told = f"{self._name} answered {verb} {resource} with {status}" + (f" ({said})" if said else "")
        if status == 401:
            what = "token" if login.token else "client certificate" if login.certificate else "lack of any token"
            mend = f"check the clock; get a new one: {login.renew}" if login.renew else "check user and token"
            return Trouble("expired", f"{self._name} does not accept our {what} (401): it is expired or unknown", mend)
        if status == 403:
            return forbidden(self._name, verb, resource, said)
        if status == 409:
            return Trouble("conflict", told)
        if status == 410:
            return Trouble("gone", told)
        if status == 404:
            return Trouble("missing", told, "check the address, and that the name is right")
        if status == 429 or (status == 503 and wait is not None):
            return Trouble("throttled", told, "", wait)
        return Trouble("timeout" if status == 504 else "failed", told, "", wait)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None


def api_server(kubeconfig: str = "", account: Path = ACCOUNT) -> Access:
    """The API server as a kubeconfig file names it, or as a pod finds it. account: its account's folder."""
    return Access((lambda: of_kubeconfig(Path(kubeconfig))) if kubeconfig else (lambda: of_pod(folder=account)))


class Stream:
    """The bytes of an answer, as they come. `size`: how many so far, after decompression."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, name: str) -> None:
        self._answer, self._name = answer, name
        self._whole = False
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of at most 64 KiB, each as soon as it is there. Raises Trouble if the connection breaks."""
        from urllib3.exceptions import HTTPError

        try:
            for piece in self._answer.stream(_PIECE, decode_content=True):
                self.size += len(piece)
                yield piece
        except (HTTPError, OSError, AttributeError) as e:  # AttributeError: http.client, when abort met it half way
            raise unanswered(self._name, "", e) from e
        self._whole = True

    def abort(self) -> None:
        """End it from another thread: who iterates is woken."""
        from contextlib import suppress

        with suppress(Exception):  # whatever it is, it is closed
            self._answer.shutdown()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._answer.release_conn() if self._whole else self._answer.close()


def unanswered(name: str, host: str, error: Exception) -> Trouble:
    """What it means that there was no answer, or not all of it."""
    from urllib3 import exceptions as e

    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or isinstance(error, ssl.SSLCertVerificationError):
        why = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or text[:200]
        return Trouble(
            "certificate", f"{name}'s certificate is not trusted ({why}): it changed, or somebody stands between",
            "give us the authority that signed it (ca.crt of the service account, or certificate-authority in the "
            "kubeconfig file); check the clock",
        )  # fmt: skip
    if isinstance(error, e.NameResolutionError):
        return Trouble("dns", f"{name}: the name {host} is not known (DNS)", "check the address; check the node's DNS")
    if isinstance(error, e.SSLError):
        return Trouble("failed", f"{name} broke off the TLS handshake ({text[:200]})", "check the client certificate")
    if isinstance(error, e.NewConnectionError):  # is a ConnectTimeoutError, too
        number = getattr(error.__cause__, "errno", None)
        if number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return Trouble("unreachable", f"{name}: no route to {host}", "check routes, subnets and the network policy")
        return Trouble("unreachable", f"{name}: nothing takes connections at {host} ({text[-120:]})", "is it up?")
    if isinstance(error, e.ConnectTimeoutError):
        return Trouble(
            "unreachable", f"{name}: no connection to {host} within {_CONNECT:g} s",
            "check security groups and the network policy",
        )  # fmt: skip
    if isinstance(error, (e.TimeoutError, TimeoutError)):
        return Trouble("timeout", f"{name} sent nothing for too long")
    return Trouble("unreachable", f"{name}: the connection broke ({text[:200]})")


def _pool(login: Login, name: str) -> urllib3.HTTPConnectionPool:
    import urllib3

    parts = urlsplit(login.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Trouble("settings", f"the address of {name} is {login.url!r}", "write it like https://host:6443")
    host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(host, port, maxsize=_KEPT)
    if not login.verify:  # that was asked for, and the settings say so: no need for a warning of Python's on stderr
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return urllib3.HTTPSConnectionPool(
        host, port, maxsize=_KEPT, ssl_context=_context(login, name), server_hostname=login.server_name or None,
        assert_hostname=None if login.verify else False,
    )  # fmt: skip


def _context(login: Login, name: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=login.ca.decode() if login.ca else None)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # clusters' own authorities often lack a key identifier
        if not login.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if login.certificate:
            _load_certificate(context, login)
    except (OSError, ValueError) as e:  # SSLError is one, too
        raise Trouble("settings", f"the certificates for {name} can't be used ({str(e)[:200]})", "mend them") from None
    return context


def _load_certificate(context: ssl.SSLContext, login: Login) -> None:
    """The ssl module takes them from a file only; it is readable by us alone, and gone at once."""
    with tempfile.NamedTemporaryFile(prefix="tailrace-", suffix=".pem") as file:
        file.write(login.certificate + b"\n" + login.key)
        file.flush()
        context.load_cert_chain(file.name)


def _mark(path: Path) -> object:
    """What changes when a file does; the kubelet changes a link."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _said(answer: urllib3.BaseHTTPResponse) -> str:
    """The beginning of what a refusal says, on one line."""
    from urllib3.exceptions import HTTPError

    try:
        body = answer.read(_PIECE, decode_content=True)
    except (HTTPError, OSError):
        return ""
    finally:
        answer.close()
    try:
        return msgspec.json.decode(body, type=Status).message[:600]
    except msgspec.DecodeError:
        return " ".join(body.decode(errors="replace").split())[:300]


def _wait(after: str) -> float | None:
    return min(float(after), _LONGEST_WAIT) if after.isascii() and after.isdigit() else None


def _agent() -> str:
    from tailrace import __version__

    return f"tailrace/{__version__}"
