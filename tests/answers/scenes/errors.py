"""errors: what `errors/` is asked about. Billing has a rollout at 22:00 that brings one new error, in both new pods.

invoice says its old error (a timeout) twice yesterday and six times today, five of them before the rollout; after it
comes the new one (a column is missing): three times in two pods, first at 22:01:30 in the pod on node-b. mailer says
the same refusal once a day, today only after the rollout: not new. sweeper has no levels, one line of debug, no errors.

    errors/spike          invoice 9 today against 2; mailer 1 against 1 is no spike
    errors/new_since      one row: the missing column, 3 lines, 2 pods, invoice:2
    errors/first_seen     timeout 21:05, column 22:01:30, refusal 22:30
    errors/by_level       invoice 18 lines: 3 warn, 9 error, 6 info; sweeper 4: 1 debug, 3 none; mailer 2: info, error
    errors/around_first   of each pod's first error: two lines before (if there are any) and one after
"""

from __future__ import annotations

import json

from tests.answers.scene import Container, Line, Pod, Scene, at


def said(clock: str, level: str, text: str, yesterday: bool = False) -> Line:
    """A JSON line."""
    return Line(at(clock, yesterday), json.dumps({"level": level, "msg": text}))


def timeout(clock: str, ms: int, yesterday: bool = False) -> Line:
    """The error that is known: only its numbers differ."""
    return said(clock, "error", f"timeout after {ms} ms talking to 10.0.0.{ms % 7}", yesterday)


def missing(clock: str, order: int) -> Line:
    """The error that the rollout brought; plain text, its level is promoted from its first word."""
    return Line(at(clock), f'ERROR column "tax_id" does not exist, order {order}', "stderr")


OLD = (
    timeout("21:20", 30, yesterday=True),
    timeout("22:40", 31, yesterday=True),
    said("21:00:10", "info", "invoice 1 started"),
    said("21:04", "info", "drawing up 12 invoices"),
    said("21:04:30", "warn", "the ledger is slow"),
    timeout("21:05", 32),
    timeout("21:06", 33),
    said("21:07", "info", "drawing up 7 invoices"),
    timeout("21:15", 34),
    timeout("21:30", 35),
    timeout("21:45", 36),
    said("21:59:50", "warn", "told to stop"),
)
NEW_A = (
    said("22:00:05", "info", "invoice 2 started"),
    said("22:01", "info", "drawing up 3 invoices"),
    said("22:02", "warn", "the ledger is slow"),
    missing("22:03", 4711),
    timeout("22:10", 37),
)
NEW_B = (
    said("22:00:20", "info", "invoice 2 started"),
    missing("22:01:30", 4709),
    missing("22:20", 4790),
)
MAILER = (
    said("22:30", "error", "relay refused 'a@example.com'", yesterday=True),
    said("22:29", "info", "sending 1 mail"),
    said("22:30", "error", "relay refused 'b@example.com'"),
)
SWEEPER = (
    Line(at("21:10"), "swept 10 rows"),
    Line(at("21:40"), "swept 12 rows"),
    Line(at("22:10"), "DEBUG nothing to sweep"),
    Line(at("22:40"), "swept 1 row"),
)


def pod(workload: str, name: str, node: str, lines: tuple[Line, ...], image: str) -> Pod:
    """A pod of a Deployment."""
    return Pod("billing", name, node, (Container("main", lines, image=image),), "Deployment", workload)


SCENE = Scene(
    "errors",
    (
        pod("invoice", "invoice-5d8f7c6b9-aaaaa", "node-a", OLD, "billing/invoice:1"),
        pod("invoice", "invoice-66b5c8d7f-bbbbb", "node-a", NEW_A, "billing/invoice:2"),
        pod("invoice", "invoice-66b5c8d7f-ccccc", "node-b", NEW_B, "billing/invoice:2"),
        pod("mailer", "mailer-7c9d8f6b5-ddddd", "node-b", MAILER, "billing/mailer:4"),
        pod("sweeper", "sweeper-84f6d9c7b-eeeee", "node-b", SWEEPER, "billing/sweeper:1"),
    ),
)
