"""otlp: the settings of a server of OpenTelemetry's protocol in, a connection to it, and what it did not take of a
request, out. For logs and metrics alike; no class of OpenTelemetry is loaded here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from tailrace.config.settings import Setting
from tailrace.config.values import Names, Text
from tailrace.delivery.http import Answer, Http, HttpSettings
from tailrace.delivery.refusal import Refused

TYPE = "application/x-protobuf"
_HEADER = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+=.*"


class ServerSettings(HttpSettings, frozen=True, kw_only=True):
    """Who we are to the server."""

    headers: Annotated[
        tuple[str, ...],
        Setting(
            "otlp", Names(pattern=_HEADER, meaning="a header like NAME=VALUE"),
            "Headers of each request, such as a vendor's key.", "x-api-key=0123", secret=True,
        ),
    ] = ()  # fmt: skip
    bearer: Annotated[
        str,
        Setting(
            "otlp", Text(), "A token, instead of user and password; @FILE reads it from a file.", "@token.txt",
            at_file=True, secret=True,
        ),
    ] = ""  # fmt: skip


def connection(who: str, settings: ServerSettings, path: str, usual: str) -> Http:
    """The server at `url`. who: the sink or writer, for messages. path: below url. usual: what path is mostly.

    Speaks to nobody yet. Raises ValueError if a setting is missing or wrong.
    """
    if settings.bearer and settings.user:
        raise ValueError(f"{who} has bearer and user: nothing was started; remove one of them")
    if not path.startswith("/") or re.search(r"[\s?#]", path):
        raise ValueError(f"path of {who} is {path!r}: nothing was started; write it like {usual}")
    headers = {name.lower(): value for name, _, value in (header.partition("=") for header in settings.headers)}
    if settings.bearer:
        headers["authorization"] = f"Bearer {settings.bearer.strip()}"
    return Http(who, settings, headers)


def partial_success(answer: Answer, response: Any) -> Any:
    """What a server says that it did not take. response: OpenTelemetry's class of such an answer.

    Raises Refused if it did not answer in the protocol.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        # Some servers answer in JSON that they have nothing to say.
        return response.FromString(b"" if answer.body == b"{}" else answer.body).partial_success
    except DecodeError:
        told = f"the answer to an export is no OTLP ({answer.said[:100]})"
        raise Refused("missing", told, "mend url and path: another server answers there") from None
