"""aws_errors: what a call of AWS failed of to a sentence that says what happened, what it costs, what to do."""

from __future__ import annotations

from typing import Any

# The code in AWS's answer, and what to do about it.
_CODES = (
    (
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException", "InvalidAccessKeyId",
         "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException", "InvalidToken"),
        "AWS does not take these credentials: sign in anew (`aws sso login`), or set AWS_PROFILE to another profile",
    ),
    (
        ("AccessDenied", "AccessDeniedException", "403", "Forbidden"),
        "let this identity do it (`aws sts get-caller-identity` shows who you are; docs/query.md lists what is "
        "needed), or set AWS_PROFILE to another",
    ),
    (("NoSuchBucket",), "there is no such bucket: mend --lake"),
    (
        ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        "the bucket is in another region: name it with --region",
    ),
    (
        ("ThrottlingException", "TooManyRequestsException", "SlowDown", "Throttling"),
        "AWS is asked too much at once: ask again in a minute",
    ),
)  # fmt: skip
_KINDS = (
    (
        ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
         "TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "ConfigNotFound"),
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`",
    ),
    (("NoRegionError", "InvalidRegionError"), "name the region with --region or AWS_REGION"),
    (
        ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyConnectionError", "SSLError",
         "ConnectionClosedError"),
        "look at the network, at --region and at --endpoint",
    ),
)  # fmt: skip


def explained(error: BaseException, cost: str) -> str:
    """`what happened: what it costs; what to do` for an error of botocore, or one that was raised from one."""
    found = cause(error)
    code, said = code_of(found), said_of(found)
    for codes, mend in _CODES:
        if code in codes:
            return f"{said}: {cost}; {mend}"
    names = {kind.__name__ for kind in type(found).__mro__}
    for kinds, mend in _KINDS:
        if names & set(kinds):
            return f"{said}: {cost}; {mend}"
    return f"{said}: {cost}"


def cause(error: BaseException) -> BaseException:
    """The error of botocore below another library's."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__module__.startswith("botocore"):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def code_of(error: BaseException) -> str:
    """The code in AWS's answer, or nothing."""
    return str(_answer(error).get("Code", ""))


def said_of(error: BaseException) -> str:
    """The message, without a full stop at its end."""
    answer = _answer(error)
    text = f"{answer.get('Code')}: {answer.get('Message')}" if answer.get("Message") else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def _answer(error: BaseException) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return dict(response.get("Error", {})) if isinstance(response, dict) else {}
