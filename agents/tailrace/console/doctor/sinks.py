"""sinks: the sinks and writers that are chosen in; whether each is reached and lets us write, and as whom, out.

Each is opened and tries what a run needs, as `tailrace check --online` does: nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tailrace.console.doctor.case import Case
from tailrace.console.doctor.clock import compared
from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well
from tailrace.console.hushed import hushed
from tailrace.delivery.sinks.chosen import Chosen, chosen
from tailrace.metrics import chosen as writers

_SERVICES = {"s3": "s3", "firehose": "firehose", "cloudwatch": "logs"}  # those of AWS, by the sink's name
_PATIENCE = 5.0  # seconds


def check(case: Case) -> Iterator[Diagnosis]:
    """Every sink; and for those of AWS, whose credentials are used and what time it is there."""
    if not case.keeps_state:
        yield from _writers(case)
        return
    seen: set[tuple[str, str]] = set()
    for one in chosen(case.settings):
        try:
            yield from _tried(one)
        except ValueError as error:
            what, _, mend = str(error).rpartition("; ")
            yield problem(f"{one.name}: {what or error}", mend)
            continue
        service = _SERVICES.get(one.sink.name, "")
        key = (service, repr(one.settings))
        if service and key not in seen:
            seen.add(key)
            yield from _aws(case, one, service)


def _writers(case: Case) -> Iterator[Diagnosis]:
    if not case.settings.writers:
        yield well("there are no writers: the metrics are only scraped")
    try:
        for name, found in writers.findings(case.settings):
            said = f"writer {name}: {found.what}"
            yield well(said) if found.ok else problem(said, found.mend)
    except ValueError as error:
        what, _, mend = str(error).rpartition("; ")
        yield problem(what or str(error), mend)


def _tried(one: Chosen) -> Iterator[Diagnosis]:
    if one.sink.name == "local":  # its own check makes the folder, which is not for us to make; disk.py looks at it
        one.open().close()
        yield well(f"{one.name}: a lake in the folder {one.place.lake}")
        return
    for found in one.findings():
        said = f"{one.name}: {found.what}"
        yield well(said) if found.ok else problem(said, found.mend)


def _aws(case: Case, one: Chosen, service: str) -> Iterator[Diagnosis]:
    from tailrace.delivery.aws.client import client

    made = client(service, one.settings)
    yield _source(one)
    if not one.settings.endpoint:
        yield from _identity(one)
    yield from _time(case, made.meta.endpoint_url)


def _source(one: Chosen) -> Diagnosis:
    """Where the credentials come from; on a node it should be a role's."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    mend = "give the service account a role (EKS Pod Identity or IRSA: daemonset/iam), or set AWS_PROFILE"
    try:
        with hushed("botocore"):
            found = botocore.session.Session().get_credentials()
    except BotoCoreError as error:
        return problem(f"{one.name}: no credentials: {error}", mend)
    if found is None:
        return problem(f"{one.name}: no credentials were found", mend)
    said = f"{one.name}: credentials come from {found.method}"
    return well(said + (f", which assumes {one.settings.role_arn}" if one.settings.role_arn else ""))


def _identity(one: Chosen) -> Iterator[Diagnosis]:
    """Who we are, once the role is assumed if there is one: a call that needs no permission."""
    from botocore.exceptions import BotoCoreError, ClientError

    from tailrace.delivery.aws.client import client

    try:
        me: dict[str, Any] = client("sts", one.settings).get_caller_identity()
    except (BotoCoreError, ClientError, ValueError) as error:
        yield warning(f"{one.name}: STS does not say who we are: {error}", "check region, credentials and the network")
    else:
        yield well(f"{one.name}: we are {me['Arn']}")


def _time(case: Case, url: str) -> Iterator[Diagnosis]:
    """What a server's own header Date says: it comes with a refusal, too."""
    import urllib3

    try:
        answer = urllib3.PoolManager().request("HEAD", url, timeout=_PATIENCE, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        yield warning(f"{url} is not reached ({str(error)[:120]}): nothing is known of its clock", "check the network")
        return
    if said := answer.headers.get("date", ""):
        yield from compared(url, said, case.wall())
