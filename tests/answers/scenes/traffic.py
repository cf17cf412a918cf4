"""traffic: what `traffic/` is asked about: access logs of a load balancer, of Envoy in three forms, and of nginx.

alb   An Application Load Balancer's entries, brought into the cluster by a shipper: 14 and one that was cut off.
      203.0.113.5 asks /orders/<n> eight times: six answers of 25 ms, a 500 of the target (25 ms too), a 504 of the load
      balancer (no target answered: -1). 198.51.100.7, whose user agent has quotes in it, asks /search four times:
      three answers of 150 ms, a 503 without any target. 2001:db8::9 asks /login twice: a 403 of the firewall.
mesh  Envoy's default text. 10.0.0.1:8080 has five (one 503 UF, one 500 of its own), /nowhere has no route (404 NR),
      one line is cut off, one is Envoy's own log and no access log. 192.0.2.77 asks once, with quotes in its user
      agent, all others are 192.0.2.1's.
istio The text with Istio's additions: two to outbound|80||cart.shop.svc.cluster.local, one of them 504 UT.
gate  Envoy's JSON: three to the cluster backend, one of them 503 UO; two of 192.0.2.1, one with a peer's address only.
web   nginx' combined format: / twice 200, /img/x.png 304, /api 502 and 200, what is no HTTP (400), one cut off.

    traffic/alb_5xx                /orders/3 500 by the target, /orders/7 504 and /search 503 by the load balancer, one
                                   unparsed: each 1 of 15 = 6.67 %
    traffic/alb_top_talkers        203.0.113.5: 8 of 15 = 53.3 %, two 5xx; 198.51.100.7: 4; 2001:db8::9: 2; unparsed 1
    traffic/alb_latency            /search 150 ms, /orders/:id 25 ms, /login never any target's answer
    traffic/envoy_5xx_by_upstream  10.0.0.1:8080 two rows of 1 in 5, backend 1 in 3, cart 1 in 2, one unparsed
    traffic/envoy_top_talkers      of 12: 192.0.2.1 five of mesh's and two of gate's; istio's two are told of none
    traffic/nginx_status           /api first, for its 502: 1 of 2
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.answers.scene import Container, Line, Pod, Scene, at

TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop/6d0ecf831eec9f09"
CURL, QUOTED = "curl/8.1.0", 'Mozilla/5.0 "the best" (bot; +http://example.com/?a=b)'


def entry(clock: str, client: str, target: str, took: str, status: str, path: str, agent: str = CURL) -> Line:
    """An entry as the Elastic Load Balancing user guide describes it. took: the three times, status: both codes."""
    moment = f"2026-11-20T{clock}.186641Z"
    answered = target if status.split()[1] != "-" else "-"
    return Line(
        at(clock),
        f"h2 {moment} app/shop/50dc6c495c0c9188 {client}:2817 {target} {took} {status} 100 1000"
        f' "GET https://shop.example.com:443{path} HTTP/2.0" "{agent}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 {TARGETS}'
        f' "Root=1-58337262-{clock.replace(":", ""):0>24}" "shop.example.com" "session-reused" 1 {moment} "forward" "-"'
        f' "-" "{answered}" "{status.split()[1]}" "-" "-" TID_1234',
    )


def alb() -> Iterator[Line]:
    """The load balancer's entries."""
    for n in range(8):
        took, status = "0.001 0.025 0.000", "200 200"
        if n == 3:
            status = "500 500"
        if n == 7:
            took, status = "0.001 -1 -1", "504 -"
        yield entry(f"22:0{n}:01", "203.0.113.5", "10.0.0.1:80", took, status, f"/orders/{n}?full=1")
    for n in range(3):
        yield entry(f"22:1{n}:02", "198.51.100.7", "10.0.0.2:80", "0.002 0.150 0.001", "200 200", "/search?q=x", QUOTED)
    yield entry("22:13:02", "198.51.100.7", "-", "-1 -1 -1", "503 -", "/search?q=x", QUOTED)
    for n in range(2):
        yield entry(f"22:2{n}:03", "2001:db8::9", "-", "-1 -1 -1", "403 -", "/login")
    yield Line(at("22:30"), "h2 2026-11-20T22:30:00.000000Z app/shop/50dc6c495c0c9188 203.0.113.5:2817 10.0.0")


def text(clock: str, what: str, answer: str, upstream: str, client: str = "192.0.2.1", agent: str = CURL) -> Line:
    """A line in Envoy's default format. answer: code, flags, (Istio's details,) bytes in and out, ms, upstream's ms."""
    told = f'"{client}" "{agent}" "5f1b2c3d-{clock.replace(":", "")}" "shop" {upstream}'
    return Line(at(clock), f'[2026-11-20T{clock}.000Z] "GET {what} HTTP/1.1" {answer} {told}')


ONE = '"10.0.0.1:8080"'
CART = '"10.0.0.9:80" outbound|80||cart.shop.svc.cluster.local 10.2.0.1:4 10.3.0.1:80 10.2.0.2:5 - default'
MESH = (
    text("22:00:01", "/a", "200 - 0 500 12 11", ONE),
    text("22:00:02", "/a?b=c", "200 - 0 500 12 11", ONE, "192.0.2.1, 10.9.9.9"),
    text("22:00:03", "/a", "200 - 0 500 12 11", ONE, "192.0.2.77", QUOTED),
    text("22:00:04", "/a", "503 UF 0 91 1000 -", ONE),
    text("22:00:05", "/b", "500 - 0 20 3 2", ONE),
    text("22:00:06", "/nowhere", "404 NR 0 0 0 -", '"-"'),
    Line(at("22:00:07"), '[2026-11-20T22:00:07.000Z] "GET /cut'),
    Line(at("22:00:08"), "[2026-11-20 22:00:08.000][1][info][main] starting main dispatch loop"),
)
ISTIO = (
    text("22:00:09", "/cart", '200 - via_upstream - "-" 0 700 5 4', CART, "-"),
    text("22:00:10", "/cart", '504 UT response_timeout - "-" 0 24 15000 -', CART, "-"),
)


def gate() -> Iterator[Line]:
    """Envoy's JSON."""
    common = {"method": "GET", "path": "/g", "upstream_cluster": "backend", "upstream_host": "10.0.0.3:80"}
    for n, (code, flags) in enumerate(((200, "-"), (503, "UO"), (200, "-"))):
        told = {"response_code": code, "response_flags": flags, "duration": 8, "bytes_sent": 300, "user_agent": CURL}
        of = {"x_forwarded_for": None if n == 2 else "192.0.2.1", "downstream_remote_address": "10.1.1.1:5555"}
        yield Line(at(f"22:01:0{n}"), json.dumps(common | told | of))


def nginx(clock: str, request: str, answer: str) -> Line:
    """A line in the combined format."""
    return Line(at(clock), f'203.0.113.9 - - [20/Nov/2026:{clock} +0000] "{request}" {answer} "-" "{CURL}"')


WEB = (
    nginx("22:30:01", "GET / HTTP/1.1", "200 612"),
    nginx("22:30:02", "GET /?a=1 HTTP/1.1", "200 612"),
    nginx("22:30:03", "GET /img/x.png HTTP/1.1", "304 0"),
    nginx("22:30:04", "POST /api HTTP/1.1", "502 157"),
    nginx("22:30:05", 'POST /api?q="x" HTTP/1.1', "200 9"),
    nginx("22:30:06", r"\x16\x03\x01", "400 150"),
    Line(at("22:30:07"), '203.0.113.9 - - [20/Nov/2026:22:30:07 +0000] "GET /cut'),
)


def pod(workload: str, name: str, lines: tuple[Line, ...]) -> Pod:
    """A pod of a Deployment."""
    return Pod("edge", name, "node-a", (Container("main", lines, image=f"{workload}:1"),), "Deployment", workload)


SCENE = Scene(
    "traffic",
    (
        pod("alb", "alb-5b7d9f6c8-aaaaa", tuple(alb())),
        pod("mesh", "mesh-6c8d7f9b5-bbbbb", MESH),
        pod("istio", "istio-7d9c8f6b5-ccccc", ISTIO),
        pod("gate", "gate-85b7c9d6f-ddddd", tuple(gate())),
        pod("web", "web-96d8f7c5b-eeeee", WEB),
    ),
)
