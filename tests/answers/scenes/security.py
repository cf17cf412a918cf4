"""security: the API server's audit log, as a pod that relays it writes it: a JSON object a line, without spaces.

What the questions must find:

    rbac_changes      3 of the 4 calls about roles: the list is no change; mallory was made cluster-admin
    secret_reads      operator 3 lists, bob 1 get that was refused, the node 1 get; alice's create is no read
    anonymous         two probes that were answered, before one that was refused
    exec_into_pods    bob's port-forward, refused; alice's session of 90 s, told of twice: ResponseStarted when it began
                      and ResponseComplete when it ended
    by_user_agent     20 calls ended: kubectl 10 (3 refused), operator 5 (4 lists, all over a second; its watch of ten
                      minutes is none), curl 2, probe 2, kubelet 1
    forbidden         5 calls, each once
    aws_auth_changes  1, for coredns is another ConfigMap

and what they must bear:
- a line that was cut off in the middle of the JSON: it is not counted, and breaks nothing
- a line that is no audit event
"""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import Any

from tests.answers.scene import Container, Line, Pod, Scene, at

_ID = count(1)
ALICE, BOB, NODE = "alice", "bob", "system:node:node-a"
KUBECTL, OPERATOR = "kubectl/v1.34.1 (linux/amd64) kubernetes/93248f9", "sealed-operator/v0.9"
ANONYMOUS = "system:anonymous"
RBAC = "rbac.authorization.k8s.io"


def call(
    clock: str, user: str, verb: str, resource: str, name: str = "", namespace: str = "", code: int = 200, ms: int = 4,
    agent: str = KUBECTL, ip: str = "10.0.0.7", stage: str = "ResponseComplete", audit_id: str = "", **more: Any,
) -> Line:  # fmt: skip
    """One stage of a call. resource: `resource`, or `group/resource`, or `/path` for what is no resource."""
    answered = at(clock)
    received = answered - timedelta(milliseconds=ms)
    group, _, plural = ("", "", "") if resource.startswith("/") else resource.rpartition("/")
    about = {"resource": plural, "namespace": namespace, "name": name, "apiGroup": group, "apiVersion": "v1"}
    about |= {"subresource": more.pop("subresource", "")}
    uri = more.pop("uri", "") or "/".join(filter(None, ("/api/v1/namespaces", namespace, plural, name)))
    event = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": audit_id or f"{next(_ID):08x}-0000-4000-8000-000000000000", "stage": stage,
        "requestURI": uri if plural else resource, "verb": verb, "user": {"username": user, "groups": ["a"]},
        "sourceIPs": [ip], "userAgent": agent,
        "objectRef": {key: value for key, value in about.items() if value}, "responseStatus": {"code": code},
        "requestReceivedTimestamp": f"{received:%Y-%m-%dT%H:%M:%S.%f}Z",
        "stageTimestamp": f"{answered:%Y-%m-%dT%H:%M:%S.%f}Z", **more,
    }  # fmt: skip
    if not plural:
        del event["objectRef"]
    return Line(answered, json.dumps(event, separators=(",", ":")))


def exec_into(clock: str, stage: str) -> Line:
    """`kubectl exec web-1 -c main -- cat /etc/passwd`, of one session."""
    uri = "/api/v1/namespaces/shop/pods/web-1/exec?command=cat&command=%2Fetc%2Fpasswd&container=main&stdin=true"
    return call(
        clock, ALICE, "create", "pods", "web-1", "shop", 101, uri=uri, subresource="exec", stage=stage, audit_id="e1",
    )  # fmt: skip


BOUND = {
    "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "User", "name": "mallory"}],
}
MAPPED = {"data": {"mapRoles": "- rolearn: arn:aws:iam::123456789012:role/ops\n", "mapUsers": "[]"}}
LINES = (
    # Rights: one given, one taken away, one refused; reading them is no change.
    call("21:05", ALICE, "create", f"{RBAC}/clusterrolebindings", "ops", code=201, requestObject=BOUND),
    call("21:06", ALICE, "delete", f"{RBAC}/roles", "old", "shop"),
    call("21:07", BOB, "patch", f"{RBAC}/roles", "mine", "shop", 403),
    call("21:08", BOB, "list", f"{RBAC}/roles", "", "shop"),
    # Secrets: the operator 3 lists, bob one refused get, the node one get; alice's write is no read.
    *(call(f"21:1{n}", "operator", "list", "secrets", ms=1500 + n, agent=OPERATOR, ip="10.0.0.9") for n in range(3)),
    call("21:13", BOB, "get", "secrets", "db", "shop", 403, ip="10.0.0.8"),
    call("21:14", NODE, "get", "secrets", "tls", "edge", ip="10.0.0.2", agent="kubelet/v1.34.1"),
    call("21:15", ALICE, "create", "secrets", "new", "shop", 201),
    # Without a name: two probes that are answered, and one that asks for pods and is refused.
    *(call(f"21:2{n}", ANONYMOUS, "get", "/livez", agent="kube-probe/1.34", ip="10.0.0.3", uri="") for n in range(2)),
    call("21:22", ANONYMOUS, "list", "pods", "", "shop", 403, agent="curl/8.5", ip="203.0.113.9"),
    # A session in a pod, and a port-forward that was refused.
    exec_into("21:30", "ResponseStarted"),
    exec_into("21:31:30", "ResponseComplete"),
    call("21:32", BOB, "create", "pods", "web-1", "shop", 403, subresource="portforward"),
    # Who calls: a watch of ten minutes is not slow; a LIST of 2.5 s is, the operator's above are too.
    call("21:40", "operator", "watch", "pods", ms=600_000, agent=OPERATOR, ip="10.0.0.9"),
    call("21:41", "operator", "list", "pods", ms=2_500, agent=OPERATOR, ip="10.0.0.9", uri="/api/v1/pods?limit=500"),
    call("21:42", "", "get", "nodes", code=401, agent="curl/8.5", ip="203.0.113.9"),
    # Who may enter: aws-auth changed once; another ConfigMap is not it.
    call("21:50", ALICE, "patch", "configmaps", "aws-auth", "kube-system", requestObject=MAPPED),
    call("21:51", ALICE, "patch", "configmaps", "coredns", "kube-system"),
    Line(at("21:55"), call("21:55", BOB, "get", "secrets", "db", "shop").text[:300]),
    Line(at("21:56"), "relay: 3 files watched"),
)
SCENE = Scene(
    "security",
    pods=(
        Pod(
            "audit-demo", "audit-relay-5d4f9c7b8-m2n4p", "node-b", (Container("audit", LINES),), "Deployment",
            "audit-relay",
        ),
    ),
)  # fmt: skip
