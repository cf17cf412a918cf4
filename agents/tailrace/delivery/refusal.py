"""refusal: why a sink did not take an object, so that the log says what to mend and the metrics count it by its reason.

A sink raises `Refused`, an OSError as any other that a file or a socket gives: the object is offered again.
"""

from __future__ import annotations

from typing import Literal

Reason = Literal["throttled", "denied", "missing", "timeout", "unreachable", "full", "rejected", "failed"]


class Refused(OSError):
    """The sink can't take the object now.

    reason: throttled (too much at once), denied (credentials, permission), missing (bucket, stream, index), timeout,
    unreachable (no connection, no name), full, rejected (it took the call and not the content), failed (its own fault).
    what: the sentence for the log: what happened. mend: what to do; for a denied call with the policy statement. wait:
    seconds before which another try is of no use, if the sink said so.
    """

    def __init__(self, reason: Reason, what: str, mend: str = "", wait: float | None = None) -> None:
        super().__init__(what)
        self.reason, self.what, self.mend, self.wait = reason, what, mend, wait

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}" if self.mend else self.what
