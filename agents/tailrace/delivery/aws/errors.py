"""aws_errors: what a call of AWS failed of to a `Refused` with a reason, a sentence and what mends it.

The code in AWS's answer decides, then its HTTP status. Of AWS's own words the first line is kept: what follows may be
the signed request with its session token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tailrace.delivery.aws import iam
from tailrace.delivery.refusal import Reason, Refused

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_THROTTLED = frozenset((
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "TooManyRequests",
    "BandwidthLimitExceeded", "ProvisionedThroughputExceededException", "ServiceUnavailable",
    "ServiceUnavailableException",
))  # fmt: skip
_EXPIRED = frozenset(("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"))
_CLOCK = frozenset(("RequestTimeTooSkewed", "RequestInTheFuture"))
_UNKNOWN_KEY = frozenset((
    "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken",
    "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "InvalidIdentityToken", "MissingSecurityHeader",
))  # fmt: skip
_DENIED = frozenset((
    "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem", "OptInRequired", "NotSignedUp",
    "UnauthorizedAccess", "403", "Forbidden", "KMS.AccessDeniedException",
))  # fmt: skip
_MISSING = frozenset(("NoSuchBucket", "ResourceNotFoundException", "404", "NotFound", "NoSuchKey", "NoSuchUpload"))
_REGION = frozenset((
    "PermanentRedirect", "301", "TemporaryRedirect", "307", "AuthorizationHeaderMalformed", "IncorrectEndpoint",
    "IllegalLocationConstraintException", "Redirect",
))  # fmt: skip
_TIMEOUT = frozenset(("RequestTimeout", "RequestTimeoutException", "504", "GatewayTimeout"))
_FULL = frozenset(("LimitExceededException", "InsufficientCapacity", "507", "QuotaExceeded"))
_KEY = re.compile(r"^(?:KMS\.|InvalidKMSResource)")

# "User: … is not authorized to perform: kms:GenerateDataKey on resource: arn:… because …"
_NOT_AUTHORIZED = re.compile(
    r"not authorized to perform:? ([\w-]+:\w+)(?: on (?:the )?resource:? \"?(arn:[^\s\"]+)\"?)?"
)


@contextmanager
def calling(action: str, resource: str) -> Iterator[None]:
    """Around a call of AWS: what botocore raises becomes a Refused.

    action: as policies write it, `s3:PutObject`. resource: its ARN, or a pattern of ARNs, for the policy statement.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as e:
        raise _answered(e, action, resource) from e
    except (BotoCoreError, ResponseParserError) as e:
        raise _unanswered(e, action) from e
    except RuntimeError as e:
        if "still expired" not in str(e):  # botocore has no class for it
            raise
        raise Refused("denied", f"{action}: credentials that were given just now have expired", _CLOCK_MEND) from e


def code_of(error: ClientError) -> str:
    """AWS's word for what went wrong; the HTTP status of an answer without a body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status, 0 if there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answered(error: ClientError, action: str, resource: str) -> Refused:
    code, status = code_of(error), status_of(error)
    headers: dict[str, str] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    said = str(error.response.get("Error", {}).get("Message", "")).strip().split("\n", 1)[0][:300]
    if error.operation_name.startswith("AssumeRole"):
        action, resource = f"sts:{error.operation_name}", _role(said) or "the role in role_arn"
    told = f"{action} was answered {code or status}" + (f" ({said})" if said and said != code else "")
    if code in _CLOCK or re.search(r"Signature (expired|not yet current)", said):
        there = f", there it is {headers['date']}" if "date" in headers else ""
        return Refused("denied", f"{told}: this node's clock is wrong{there}", _CLOCK_MEND)
    if code in _EXPIRED:
        return Refused("denied", f"{told}: the credentials have expired", _RENEW)
    if code in _UNKNOWN_KEY:
        return Refused("denied", f"{told}: these credentials are not accepted", _CHECK_KEYS)
    if code in _THROTTLED or status == 429:
        return Refused("throttled", told, "", _wait(headers))
    if _KEY.match(code) and code not in _DENIED:
        return Refused("denied", f"{told}: the key can't be used", "enable the KMS key, or name another (kms_key)")
    if code in _REGION or ("x-amz-bucket-region" in headers and status in (301, 307, 400)):
        return _elsewhere(error, told, headers)
    if code in _DENIED or status in (401, 403):
        return Refused("denied", told, _permission(said, action, resource))
    if code in _MISSING:
        what = resource.partition("/")[0] if code == "NoSuchBucket" else resource
        return Refused("missing", f"{told}: there is no {what}", "create it, or mend the setting that names it")
    for reason, codes, mend in _OTHERS:
        if code in codes:
            return Refused(reason, told, mend, _wait(headers))
    if status == 503:
        return Refused("throttled", told, "", _wait(headers))
    if status >= 500 or code in ("OperationAborted", "ConditionalRequestConflict", "BadDigest"):
        return Refused("failed", told, "", _wait(headers))
    return Refused("rejected", told, "if it stays so, the sink's settings or the service's limits are at fault")


_CLOCK_MEND = "set the node's clock (chrony, NTP)"
_RENEW = "renew them: with IRSA or Pod Identity check the service account, else the AWS_* variables"
_CHECK_KEYS = "check the service account's role (IRSA, Pod Identity) or the AWS_* variables"
_OTHERS: tuple[tuple[Reason, frozenset[str], str], ...] = (
    ("timeout", _TIMEOUT, ""),
    ("full", _FULL, "raise the quota in the AWS account"),
)


def _elsewhere(error: ClientError, told: str, headers: dict[str, str]) -> Refused:
    found = error.response.get("Error", {})
    region = headers.get("x-amz-bucket-region") or found.get("Region") or ""
    where = f": it is in the region {region}" if region else ": it is in another region"
    mend = f"set region to {region}" if region else f"set region{_named(found.get('Endpoint'))}"
    return Refused("missing", told + where, mend)


def _named(endpoint: Any) -> str:
    return f" to that of {endpoint}" if endpoint else " to that in which it was created"


def _permission(said: str, action: str, resource: str) -> str:
    found = _NOT_AUTHORIZED.search(said)
    if found:
        action, resource = found[1], found[2] or resource
    if "explicit deny" in said:
        return f"a policy denies {action} on {resource}: look into those of the bucket, the role and the organization"
    if action == "sts:AssumeRoleWithWebIdentity":
        return "the role's trust policy must name the cluster's OIDC provider and this service account"
    trust = " and let the role's trust policy name this one and the external id" if action == "sts:AssumeRole" else ""
    return f"add to the role's policy: {iam.allowing(action, resource)}{trust}"


def _role(said: str) -> str:
    found = _NOT_AUTHORIZED.search(said)
    return found[2] or "" if found else ""


def _wait(headers: dict[str, str]) -> float | None:
    after = headers.get("retry-after", "")
    return float(after) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", after) else None


def _unanswered(error: Exception, action: str) -> Refused:
    """What botocore raises without an answer of AWS, in an order in which the particular comes before the general."""
    from botocore import exceptions as e
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import NameResolutionError

    where = getattr(error, "kwargs", {}).get("endpoint_url") or "the service"
    cause = getattr(error, "kwargs", {}).get("error")
    told = f"{action}: {str(error).strip().splitlines()[0][:300]}"
    if isinstance(error, (e.NoCredentialsError, e.PartialCredentialsError)):
        return Refused("denied", f"{action}: there are no credentials", f"give the pod a role: {_CHECK_KEYS}")
    if isinstance(error, (e.CredentialRetrievalError, e.MetadataRetrievalError, e.UnauthorizedSSOTokenError)):
        return Refused("denied", f"{told}: credentials can't be had", _CHECK_KEYS)
    if isinstance(error, e.ProxyConnectionError):
        return Refused("unreachable", told, "check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, (e.ConnectTimeoutError, e.ReadTimeoutError)):
        return Refused("timeout", told, "check the network policy, the security group and the service's VPC endpoint")
    if isinstance(error, e.EndpointConnectionError):
        if isinstance(cause, NameResolutionError) or "Name or service not known" in str(cause):
            return Refused(
                "unreachable", f"{action}: the name in {where} is not known (DNS)", "mend region, endpoint, DNS"
            )
        return Refused("unreachable", told, "check endpoint, the network policy and the service's VPC endpoint")
    if isinstance(error, e.SSLError) and "certificate" in str(error).lower():
        return Refused("unreachable", told, "check the clock, and the authorities in AWS_CA_BUNDLE")
    if isinstance(error, (e.ConnectionClosedError, e.HTTPClientError, e.SSLError)):
        return Refused("unreachable", told)
    if isinstance(error, ResponseParserError):
        return Refused("failed", f"{told}: that was no answer of AWS", "check endpoint")
    if isinstance(error, e.ParamValidationError):
        return Refused("rejected", told, "mend the sink's settings")
    return Refused("failed", told)
