"""cluster: who we are for the API server in; whether it answers, what it lets us do, and what time it is there, out.

It is asked by SelfSubjectReview and SelfSubjectAccessReview, which everybody may make and which leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import msgspec

from tailrace.config import node_name
from tailrace.console.doctor.case import Case
from tailrace.console.doctor.clock import compared
from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well
from tailrace.kube.access import Access, api_server
from tailrace.kube.login import ACCOUNT
from tailrace.kube.settings import KubeSettings, Source
from tailrace.kube.trouble import Trouble, forbidden

_NAME = "the API server"


class Need(NamedTuple):
    """What an agent has to be allowed. cost: of its being forbidden. lasting: False if there is a way without it."""

    verb: str
    resource: str  # with a slash before a subresource
    cost: str
    group: str = ""
    namespace: str = ""
    lasting: bool = True


class _User(msgspec.Struct):
    username: str = ""


class _Status(msgspec.Struct):
    allowed: bool = False
    userInfo: _User = msgspec.field(default_factory=_User)


class _Meta(msgspec.Struct):
    creationTimestamp: str | None = None


class _Review(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    status: _Status = msgspec.field(default_factory=_Status)


def check(case: Case) -> Iterator[Diagnosis]:
    """Whether it is reached; then each permission."""
    settings = case.settings
    source = KubeSettings(
        node_name(settings), settings.state, cast(Source, settings.metadata), settings.kubeconfig
    ).chosen()
    if source == "off" and case.agent != "cluster":
        if settings.metadata == "auto":
            yield warning(
                "this is no pod and no kubeconfig is named: lines carry no labels, images and workloads",
                "run it in a cluster, or name a kubeconfig file with --kubeconfig; metadata: off says that it is meant",
            )
        else:
            yield well("metadata is off: the API server is not asked")
        return
    access = api_server(settings.kubeconfig, ACCOUNT)
    try:
        yield from _asked(case, access, source)
    except Trouble as trouble:
        yield problem(trouble.said, trouble.mend)
    finally:
        access.close()


def needs(case: Case, source: str) -> tuple[Need, ...]:
    """What the chart's roles allow, and why."""
    settings, labels = case.settings, "lines carry no labels, images and workloads"
    if case.agent == "cluster":
        taken, held = "they don't come into the lake", "no cluster agent becomes the active one"
        where = settings.lease_namespace or _own_namespace()
        return (
            *(Need(verb, what, taken) for what in ("pods", "namespaces", "events") for verb in ("list", "watch")),
            Need("create", "events", "nobody hears of annotations that make no sense", lasting=False),
            *(Need(v, "leases", held, "coordination.k8s.io", where) for v in ("get", "create", "update")),
        )
    if source == "kubelet":
        return (Need("get", "nodes/pods", labels),)
    if case.agent == "metrics":
        cost = "there are no kube_pod_* metrics, and no pod's name on a container's"
        return (
            *(Need(verb, "pods", cost) for verb in ("list", "watch")),
            *(Need(verb, "nodes", "there are no kube_node_* metrics", lasting=False) for verb in ("list", "watch")),
        )
    return (
        *(Need(verb, "pods", labels) for verb in ("list", "watch")),
        *(Need(v, "namespaces", "annotations of namespaces steer nothing", lasting=False) for v in ("list", "watch")),
        *((Need("get", "nodes", "lines carry no labels of the node", lasting=False),) if settings.node_labels else ()),
    )


def _asked(case: Case, access: Access, source: str) -> Iterator[Diagnosis]:
    me = _review(access, "authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", None)
    user = me.status.userInfo.username
    yield well(f"{_NAME} knows us as {user}")
    if me.metadata.creationTimestamp:
        yield from compared(_NAME, me.metadata.creationTimestamp, case.wall())
    allowed = []
    for need in needs(case, source):
        resource, _, part = need.resource.partition("/")
        asked = {
            "verb": need.verb, "group": need.group, "resource": resource, "subresource": part,
            "namespace": need.namespace,
        }  # fmt: skip
        spec = {"resourceAttributes": {name: value for name, value in asked.items() if value}}
        kind = "SelfSubjectAccessReview"
        if _review(access, "authorization.k8s.io", "selfsubjectaccessreviews", kind, spec).status.allowed:
            allowed.append(f"{need.verb} {need.resource}")
            continue
        full = f"{need.resource}.{need.group}" if need.group else need.resource
        trouble = forbidden(_NAME, need.verb, full, f'User "{user}"')
        what = f"{user} may not {need.verb} {need.resource}: {need.cost}"
        yield problem(what, trouble.mend) if need.lasting else warning(what, trouble.mend)
    if allowed:
        yield well(f"{user} may {', '.join(allowed)}")


def _review(access: Access, group: str, resource: str, kind: str, spec: object) -> _Review:
    """Raises Trouble."""
    body = {"apiVersion": f"{group}/v1", "kind": kind, **({"spec": spec} if spec else {})}
    with access.open(
        f"/apis/{group}/v1/{resource}", {}, verb="create", resource=f"{resource}.{group}", method="POST",
        body=msgspec.json.encode(body),
    ) as answer:  # fmt: skip
        said = b"".join(answer)
    try:
        return msgspec.json.decode(said, type=_Review)
    except msgspec.DecodeError as error:
        raise Trouble("failed", f"{_NAME} answered {kind} with what is none ({error})", "check the address") from None


def _own_namespace() -> str:
    try:
        return (ACCOUNT / "namespace").read_text().strip()
    except OSError:
        return "default"
