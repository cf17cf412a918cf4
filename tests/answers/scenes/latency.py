"""latency: what `latency/` is asked about. A shop's catalog has a rollout at 22:00 that makes /items slow.

catalog (keys method, path, status, duration_ms, trace_id) is asked each two minutes:
    /items/<n>   twelve times before 22:00, 20 ms each, and eight times after it, 80 ms each; two of these with a 503
    /health      twelve times before with 2 ms, never after
cart writes as pino does (nested, responseTime): eight of 40 ms, two of 9000 ms. proxy is an Envoy that writes JSON: its
duration of 7 is milliseconds. reports writes seconds, 12.5 of them, and what is no duration: "12ms", a line cut off
in its number, a key in a quoted text.
All values of a group are equal where a quantile falls: sketches of quantiles differ from engine to engine.

    latency/by_path        the 20 paths of /items are 20 rows of one request each
    latency/by_route       one row for them: p50 20, p95 80, 2 of 20 = 10 % failed
    latency/slowest        reports 12500 ms, cart 9000 ms twice, then those of 80 ms in order of time
    latency/before_after   cart and reports are new; /items 20 to 80 ms = +300 %, 0 to 25 % failed; /health is gone
    latency/histogram      catalog 12 to 5 ms, 12 to 25, 8 to 100; cart 8 to 50, 2 to 10 s; reports over 10 s
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.answers.scene import Container, Line, Pod, Scene, at


def catalog() -> Iterator[Line]:
    """Its requests, in order of time."""
    for n in range(12):
        moment = at("21:30") + timedelta(minutes=2 * n)
        yield request(moment, f"/items/{n}?page=1", 200, 20, n)
        yield request(moment + timedelta(seconds=10), "/health", 200, 2, 100 + n)
    for n in range(12, 20):
        moment = at("22:01") + timedelta(minutes=2 * (n - 12))
        yield request(moment, f"/items/{n}?page=1", 503 if n in (13, 17) else 200, 80, n)


def request(moment: datetime, path: str, status: int, ms: int, n: int) -> Line:
    """A line of catalog."""
    told = {"method": "GET", "path": path, "status": status, "duration_ms": ms, "trace_id": f"{n + 1:032x}"}
    return Line(moment, json.dumps({"level": "info", "msg": "request", **told}))


def cart() -> Iterator[Line]:
    """Its requests; the fourth and the eighth are slow."""
    for n in range(10):
        told = {"req": {"method": "POST", "url": "/cart"}, "res": {"statusCode": 201}}
        slow = 9000 if n in (3, 7) else 40
        text = json.dumps({"level": 30, **told, "responseTime": slow}, separators=(",", ":"))
        yield Line(at("22:30") + timedelta(minutes=n), text)


PROXY = (
    Line(
        at("22:10"),
        '{"method":"GET","path":"/p","response_code":200,"response_flags":"-","duration":7,"bytes_sent":30}',
    ),
)
REPORTS = (
    Line(at("22:40"), '{"method": "GET", "route": "/reports", "status": 200, "duration": 12.5}'),
    Line(at("22:41"), '{"method": "GET", "route": "/reports", "status": 200, "duration": "12ms"}'),
    Line(at("22:42"), '{"msg": "they said \\"duration_ms\\": 99999, and no more", "path": "/quoted"}'),
    Line(at("22:43"), '{"route": "/reports", "duration_ms": 99'),
)


def pod(workload: str, name: str, lines: tuple[Line, ...]) -> Pod:
    """A pod of a Deployment."""
    return Pod("store", name, "node-a", (Container("main", lines, image=f"{workload}:1"),), "Deployment", workload)


SCENE = Scene(
    "latency",
    (
        pod("catalog", "catalog-5b7d9f6c8-aaaaa", tuple(catalog())),
        pod("cart", "cart-6c8d7f9b5-bbbbb", tuple(cart())),
        pod("proxy", "proxy-7d9c8f6b5-ccccc", PROXY),
        pod("reports", "reports-85b7c9d6f-ddddd", REPORTS),
    ),
)
