"""http: requests to a server that a setting names, and what they failed of to a `Refused` that says what to mend.

Nothing is tried twice here, no redirect is followed, and each wait is bounded: how often an object is offered is for
the caller of the sink to decide.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec

from tailrace.config.settings import Setting
from tailrace.config.values import Choice, Duration, Text
from tailrace.delivery.refusal import Reason, Refused

if TYPE_CHECKING:
    import ssl

    import urllib3

_CONNECT = 3.0  # seconds
_LONGEST_WAIT = 300.0  # seconds that a server's Retry-After is believed


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What all sinks and writers that speak HTTP have."""

    url: Annotated[str, Setting("http", Text(), "The server's address.", "https://logs.example.com:9200")] = ""
    ca: Annotated[
        str,
        Setting(
            "http", Text(), "File of the authorities (PEM) that sign the server's certificate; empty: the system's.",
            "/etc/tailrace/ca.pem",
        ),
    ] = ""  # fmt: skip
    user: Annotated[str, Setting("http", Text(), "User name (basic authentication).", "tailrace")] = ""
    password: Annotated[
        str,
        Setting(
            "http", Text(), "The user's password; @FILE reads it from a file.", "@password.txt", at_file=True,
            secret=True,
        ),
    ] = ""  # fmt: skip
    compression: Annotated[str, Setting("http", Choice(("gzip", "none")), "How requests are compressed.", "none")] = (
        "gzip"
    )
    timeout: Annotated[float, Setting("http", Duration(0.1, 120), "How long the server may take to answer.", "30s")] = (
        15.0
    )


@dataclass(frozen=True)
class Answer:
    """What the server said. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> str:
        """The beginning of what it says, on one line, for a message."""
        return " ".join(self.body[:600].decode(errors="replace").split())[:300]

    @property
    def wait(self) -> float | None:
        """Seconds of its Retry-After, if it has one that can be read."""
        after = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", after):
            return min(float(after), _LONGEST_WAIT)
        try:
            return min(max(0.0, parsedate_to_datetime(after).timestamp() - time()), _LONGEST_WAIT)
        except (TypeError, ValueError):
            return None


class Http:
    """A connection to one server, kept open between requests. For one thread."""

    def __init__(self, who: str, settings: HttpSettings, headers: Mapping[str, str] | None = None) -> None:
        """who: the sink or writer, for messages. headers: that each request has, e.g. another authorization.

        Speaks to nobody yet. Raises ValueError if a setting is missing or wrong.
        """
        import urllib3

        from tailrace import __version__

        address = _address(who, settings.url)
        self.url = f"{address.scheme}://{address.netloc}"
        self._path = address.path.rstrip("/")
        if settings.password and not settings.user:
            raise ValueError(f"{who} has a password and no user: nothing was started; set user")
        self._headers = {"user-agent": f"tailrace/{__version__}", **(headers or {})}
        if settings.user:
            pair = f"{settings.user}:{settings.password.strip()}".encode()
            self._headers["authorization"] = f"Basic {b64encode(pair).decode()}"
        self._seconds = settings.timeout
        self._pool: urllib3.PoolManager = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT, read=settings.timeout),
            ssl_context=_trusting(who, settings.ca) if address.scheme == "https" else None,
        )

    def whole(self, path: str) -> str:
        """The URL that a call of `path` asks."""
        return self.url + self._path + path

    def call(
        self, method: str, path: str, body: bytes | memoryview | None = None, *, type: str = "", gzip: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Send one request. type: the body's. gzip: whether the body is that already. headers: of this request alone.

        Raises Refused (unreachable, timeout) if there is no whole answer; whether the request was heard is not known.
        """
        from urllib3.exceptions import HTTPError

        all_headers = {**self._headers, **(headers or {})}
        if type:
            all_headers["content-type"] = type
        if gzip:
            all_headers["content-encoding"] = "gzip"
        data = bytes(body) if body is not None else None
        try:
            got: urllib3.BaseHTTPResponse = self._pool.request(
                method, self.whole(path), body=data, headers=all_headers, redirect=False
            )
        except (HTTPError, OSError) as e:
            raise self._unanswered(e, f"{method} {self.url}{self._path}{path}") from e
        return Answer(got.status, {name.lower(): value for name, value in got.headers.items()}, got.data)

    def _unanswered(self, error: Exception, what: str) -> Refused:
        from urllib3 import exceptions as e

        if isinstance(error, e.NameResolutionError):
            return Refused("unreachable", f"{what}: the server's name is not known (DNS)", "mend url, or DNS")
        if isinstance(error, e.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            told = f"{what}: {str(error)[:300]}"
            return Refused("unreachable", told, "set ca to the authority that signed the certificate; check the clock")
        if isinstance(error, (e.ConnectTimeoutError, e.NewConnectionError)):
            reason: Reason = "unreachable" if isinstance(error, e.NewConnectionError) else "timeout"
            return Refused(reason, f"{what}: no connection ({str(error)[-200:]})", "check url and the network policy")
        if isinstance(error, e.TimeoutError):
            told = f"{what}: no answer within {self._seconds:g} s"
            return Refused("timeout", told, "see what keeps the server busy, or set a longer timeout")
        return Refused("unreachable", f"{what}: the connection broke ({str(error)[:200]})")

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()


def refused(answer: Answer, what: str, permission: str = "") -> Refused:
    """What an answer that is no success means. permission: what the user must be allowed, for 401 and 403."""
    told = f"{what} was answered {answer.status}" + (f" ({answer.said})" if answer.said else "")
    status = answer.status
    if status == 401:
        return Refused("denied", f"{told}: who we are was not accepted", "check user, password or key")
    if status == 403:
        return Refused("denied", f"{told}: that is not allowed", permission or "give the user permission to write")
    if status == 429 or (status == 503 and answer.wait is not None):
        return Refused("throttled", told, "", answer.wait)
    if status in (301, 302, 307, 308):
        return Refused("missing", f"{told}: it is at {answer.headers.get('location', 'another address')}", "mend url")
    if status in (404, 405, 410):
        return Refused("missing", told, "mend url: this is not the server, or not the path, that was meant")
    if status in (408, 504):
        return Refused("timeout", told, "", answer.wait)
    if status in (413, 415, 400, 406, 411, 412, 422):
        return Refused("rejected", told, "if it stays so, the sink's settings or the server's limits are at fault")
    if status == 507:
        return Refused("full", told, "make room on the server")
    return Refused("failed", told, "", answer.wait)


class _Address(msgspec.Struct):
    scheme: str
    netloc: str
    path: str


def _address(who: str, url: str) -> _Address:
    if not url:
        raise ValueError(f"{who} needs the server's address: nothing was started; set url")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"the url of {who} is {url!r}: nothing was started; write it like https://host:9200/path")
    if parts.username or parts.password:
        raise ValueError(f"the url of {who} holds a user: nothing was started; write it in user and password")
    return _Address(parts.scheme, parts.netloc, parts.path)


def _trusting(who: str, ca: str) -> ssl.SSLContext:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as e:  # SSLError is one, too
        why = e.strerror or e.args[0]
        raise ValueError(f"the ca of {who}, {ca}, can't be used ({why}): nothing was started; mend it") from None
