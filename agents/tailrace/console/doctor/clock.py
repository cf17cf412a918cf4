"""clock: what time a server says it is in; how far this node's clock is from that, out.

Both kinds of server that matter refuse a caller whose clock is wrong: S3 at 15 minutes, a cluster with tokens that are
not valid yet or not any more. And lines of two nodes are only in order if their clocks agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well

_SEEN = 2.0  # seconds: servers tell whole ones, and a request takes its time
_REFUSED = 300.0
_MEND = "synchronise the node's clock: timedatectl set-ntp true, or chronyc makestep"


def compared(server: str, said: str, wall: float) -> Iterator[Diagnosis]:
    """said: as RFC 3339, or as HTTP's header Date has it. wall: our own, seconds since 1970."""
    moment = moment_of(said)
    if moment is None:
        yield warning(f"{server} tells a time that is none: {said[:60]!r}", "")
        return
    off = wall - moment
    ahead = "ahead of" if off > 0 else "behind"
    what = f"this node's clock is {abs(off):,.0f} s {ahead} that of {server}"
    if abs(off) >= _REFUSED:
        yield problem(f"{what}: requests are refused, and lines lie in wrong hours", _MEND)
    elif abs(off) > _SEEN:
        yield warning(f"{what}: lines of several nodes are not in order", _MEND)
    else:
        yield well(f"this node's clock is that of {server}")


def moment_of(said: str) -> float | None:
    """Seconds since 1970; None if it is no time."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = parse(said)
        except (ValueError, TypeError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None
