"""slo: what `slo/` is asked about: a search service that begins to fail at 22:40, with an objective of 99 %.

finder's requests (JSON, status and duration_ms):
    yesterday 21:00-22:00   20, one 500                          all 50 ms
    21:00-22:00             20, none failed                      all 50 ms but two of 400 ms
    22:00-22:40             10, none failed                      50 ms
    22:40-22:56             8, two failed (22:44, 22:52)         400 ms
    22:57-22:59             3 (one a minute), all failed         2000 ms; a word stands before the JSON
and a line that tells of no request. gateway (nginx' format) has four requests at 22:58, none failed: its short windows
hold nothing but these.

    slo/availability   finder 21 h: 100 %; 22 h: 5 of 21 failed = 76.19 %, burn 23.81
    slo/latency        over 300 ms: 21 h 2 of 20 = 90 %; 22 h 11 of 21
    slo/burn_rate      from yesterday 21 h to 23:00: 1 h 5/21 (23.81), 5 m 3/3 (100): pages; 6 h 5/41 (12.2), 30 m 5/13
                       (minutes 22:30 and later: 22:32 and 22:36 of the ten, the eight, the three); 1 d 5/41, 2 h 5/41;
                       3 d 6/61 (9.84), 6 h 5/41: all four fire. gateway: none
    slo/budget_left    6 of 61 failed, 0.61 allowed: -883.6 % are left; gateway has 100 %
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.answers.scene import Container, Line, Pod, Scene, at


def asked(moment: datetime, minutes: int, n: int, slow: int, status: int = 200, word: str = "") -> Line:
    """The n-th request since a moment, every so many minutes; `word` before its JSON."""
    told = {"msg": "search", "path": "/search", "status": status, "duration_ms": slow}
    return Line(moment + timedelta(minutes=minutes * n), word + json.dumps(told))


def finder() -> Iterator[Line]:
    """Its lines, in order of time."""
    for n in range(20):
        yield asked(at("21:00", yesterday=True), 3, n, 50, 500 if n == 7 else 200)
    yield Line(at("21:00"), "reading the index, 500 MB")
    for n in range(20):
        yield asked(at("21:00"), 3, n, 400 if n in (5, 6) else 50)
    for n in range(10):
        yield asked(at("22:00"), 4, n, 50)
    for n in range(8):
        yield asked(at("22:40"), 2, n, 400, 502 if n in (2, 6) else 200)
    for n in range(3):
        yield asked(at("22:57"), 1, n, 2000, 503, "timeout ")


GATEWAY = tuple(
    Line(
        at(f"22:58:0{n}"),
        f'192.0.2.{n} - - [20/Nov/2026:22:58:0{n} +0000] "GET /search HTTP/1.1" 200 5000 "-" "curl/8"',
    )
    for n in range(4)
)


def pod(workload: str, name: str, lines: tuple[Line, ...]) -> Pod:
    """A pod of a Deployment."""
    return Pod("search", name, "node-b", (Container("main", lines, image=f"{workload}:1"),), "Deployment", workload)


SCENE = Scene(
    "slo",
    (pod("finder", "finder-5b7d9f6c8-aaaaa", tuple(finder())), pod("gateway", "gateway-6c8d7f9b5-bbbbb", GATEWAY)),
)
