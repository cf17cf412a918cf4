"""aws: settings to clients of AWS, and what such a call failed of to a `Refused` that says what to mend.

A client never tries a second time and waits seconds, not minutes: how often an object is offered is for its caller to
decide, who alone knows whether there is anything else to do. Credentials are found as boto3 finds them: environment,
IRSA, EKS Pod Identity, the instance.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tailrace.config.settings import Setting
from tailrace.config.values import Text
from tailrace.delivery.aws.errors import calling

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session

__all__ = ["AwsSettings", "calling", "client"]

CONNECT, ANSWER = 3.0, 10.0  # seconds that a connection, and that each byte of an answer, may take


class AwsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What all sinks of AWS have; empty means: as the environment says."""

    region: Annotated[
        str, Setting("aws", Text(), "The region; empty: AWS_REGION or what the node's profile says.", "eu-west-1")
    ] = ""
    endpoint: Annotated[
        str, Setting("aws", Text(), "Another address of the service, as a URL.", "https://storage.example.com:9000")
    ] = ""
    role_arn: Annotated[
        str,
        Setting(
            "aws", Text(), "A role to assume, e.g. in the account that holds the lake.",
            "arn:aws:iam::123456789012:role/tailrace",
        ),
    ] = ""  # fmt: skip
    external_id: Annotated[
        str, Setting("aws", Text(), "The external id that the role to assume asks for.", "tailrace-prod", secret=True)
    ] = ""


def client(service: str, settings: AwsSettings, **config: Any) -> Any:
    """A client of a service: no tries of its own after the first, CONNECT and ANSWER as time limits.

    config: of botocore's Config, before ours. Speaks to nobody yet: credentials are looked for at the first call, and
    again at each until there are some. Raises ValueError if a setting is missing or wrong.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError, NoRegionError

    # It warns of each refresh that fails with a stack trace, and raises that error too.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    session = botocore.session.Session()
    try:
        region = settings.region or os.environ.get("AWS_REGION")  # EKS sets this; botocore reads AWS_DEFAULT_REGION
        if region:
            session.set_config_variable("region", region)
        # The session's own look-up is done once, when a client is made: a node's identity may come up after us.
        session._credentials = _found_late(session)
        if settings.role_arn:
            session._credentials = _assumed(session, settings)
        made = session.create_client(service, endpoint_url=settings.endpoint or None, config=_config(**config))
    except NoRegionError:
        raise ValueError(f"{service} needs a region: nothing was read; set region, or AWS_REGION") from None
    except (BotoCoreError, ValueError) as e:
        raise ValueError(f"{service} can't be spoken to: {e}: nothing was read; mend region, endpoint") from None
    if service == "s3":
        made.meta.events.register_first("needs-retry.s3", _follow_only_a_named_region)
    return made


def _config(**config: Any) -> Config:
    from botocore.config import Config

    from tailrace import __version__

    return Config(
        **{
            "connect_timeout": CONNECT,
            "read_timeout": ANSWER,
            "retries": {"mode": "standard", "total_max_attempts": 1},
            "tcp_keepalive": True,
            "user_agent_extra": f"tailrace/{__version__}",
            **config,
        }
    )


def _follow_only_a_named_region(request_dict: dict[str, Any], response: Any, **_: Any) -> None:
    """Keep botocore from asking where a bucket is by a request that is redirected too, and so on until it dies of it: a
    balancer that sends http to https is enough."""
    if response is None:
        return
    answer = response[1]
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if "x-amz-bucket-region" not in headers and not answer.get("Error", {}).get("Region"):
        request_dict.get("context", {}).setdefault("s3_redirect", {})["redirected"] = True


def _found_late(session: Session) -> Any:
    """Credentials that are looked for when they are used, each time until there are some."""
    from botocore.credentials import Credentials
    from botocore.exceptions import NoCredentialsError

    class Late(Credentials):  # type: ignore[misc]
        def __init__(self) -> None:
            self._found: Credentials | None = None

        def get_frozen_credentials(self) -> Any:
            if self._found is None:
                self._found = session.get_component("credential_provider").load_credentials()
            if self._found is None:
                raise NoCredentialsError
            return self._found.get_frozen_credentials()

        def get_deferred_property(self, property_name: str) -> Any:
            return lambda: getattr(self.get_frozen_credentials(), property_name, None)

    return Late()


def _assumed(session: Session, settings: AwsSettings) -> Any:
    """Credentials of the role: it is assumed at the first call, and anew before its time is over."""
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    extra = {"ExternalId": settings.external_id} if settings.external_id else {}
    fetcher = AssumeRoleCredentialFetcher(
        partial(session.create_client, config=_config()),
        session.get_credentials(),
        settings.role_arn,
        extra_args={"RoleSessionName": "tailrace", **extra},
        cache={},
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
