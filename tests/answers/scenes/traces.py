"""traces: what `traces/` is asked about: three requests through three services, on two nodes.

front calls basket, basket calls stock. Each writes a line when it is asked and one when it has answered.
    4bf9…4736 (W3C)      all three; stock says an error, basket and front each one more: 3 of 7 lines
    1-6560cafe-… (X-Ray) front and basket, basket says one error: 1 of 5 lines
    00f0…0001            front alone, no error: in no answer but coverage
A line of basket and an error of stock have no trace.

    traces/lines      -p trace_id=4bf9…: 7 lines over 250 ms, front first and last; stock's clock is right
    traces/services   -p trace_id=6560cafe… (the X-Ray trace asked for as W3C writes it): front, then basket
    traces/errors     4bf9 3 errors, 3 services, 250 ms, first in stock; then the X-Ray one
    traces/coverage   stock 2 of 3 lines and one error without; basket 5 of 6; front 6 of 6
"""

from __future__ import annotations

import json
from datetime import timedelta

from tests.answers.scene import Container, Line, Pod, Scene, at

W3C, XRAY, QUIET = "4bf92f3577b34da6a3ce929d0e0e4736", "1-6560cafe-a006649127e371903a2de979", "00f0" + 27 * "0" + "1"


def said(clock: str, ms: int, text: str, trace: str | None, span: str, level: str = "info") -> Line:
    """A JSON line so many milliseconds after a moment."""
    ids = {"trace_id": trace, "span_id": span} if trace else {}
    return Line(at(clock) + timedelta(milliseconds=ms), json.dumps({"level": level, "msg": text, **ids}))


FRONT = (
    said("22:00", 0, "GET /checkout", W3C, "00000000000000a1"),
    said("22:00", 245, "basket said 500", W3C, "00000000000000a1", "error"),
    said("22:00", 250, "500 to the client", W3C, "00000000000000a1"),
    said("22:10", 0, "GET /basket", XRAY, "00000000000000a2"),
    said("22:10", 40, "200 to the client", XRAY, "00000000000000a2"),
    said("22:20", 0, "GET /health", QUIET, "00000000000000a3"),
)
BASKET = (
    said("22:00", 10, "reserving 2 items", W3C, "00000000000000b1"),
    said("22:00", 240, "stock said no", W3C, "00000000000000b1", "error"),
    said("22:05", 0, "cleaning up", None, ""),
    said("22:10", 5, "reading the basket", XRAY, "00000000000000b2"),
    said("22:10", 30, "coupon EXPIRED7 has expired", XRAY, "00000000000000b2", "error"),
    said("22:10", 35, "3 items", XRAY, "00000000000000b2"),
)
STOCK = (
    said("22:00", 20, "reserving sku 12", W3C, "00000000000000c1"),
    said("22:00", 230, "deadlock found, giving up", W3C, "00000000000000c1", "error"),
    said("22:30", 0, "lost the database", None, "", "error"),
)


def pod(workload: str, name: str, node: str, lines: tuple[Line, ...]) -> Pod:
    """A pod of a Deployment."""
    return Pod("checkout", name, node, (Container("main", lines, image=f"{workload}:1"),), "Deployment", workload)


SCENE = Scene(
    "traces",
    (
        pod("front", "front-5b7d9f6c8-aaaaa", "node-a", FRONT),
        pod("basket", "basket-6c8d7f9b5-bbbbb", "node-b", BASKET),
        pod("stock", "stock-7d9c8f6b5-ccccc", "node-b", STOCK),
    ),
)
