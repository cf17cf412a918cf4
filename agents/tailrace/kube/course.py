"""course: how requests of one LIST and WATCH went, in; which request is next, and when, out. No clock, no network.

What is spread over time here is what keeps a thousand agents from asking in the same second: the first LIST, what
follows a failure, and the LIST after an API server lost its history (then all of them get a 410 at once).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tailrace.kube.trouble import Trouble


@dataclass(frozen=True)
class Pace:
    """Seconds, but for `page`."""

    start: float = 10.0  # the first LIST comes within them
    relist: float = 30.0  # a LIST after a 410 comes within them
    first: float = 10.0  # after one failure the next request comes within them, after each more within twice as many …
    longest: float = 60.0  # … up to these
    restless: float = 10.0  # the same bound for watches that end soon but do no wrong
    settled: float = 30.0  # a watch that lived so long has made up for failures before it
    watch: float = 300.0  # a watch is to last between them and twice as many
    quiet: float = 150.0  # without a byte for so long (a bookmark comes each minute), a connection is taken for dead
    page: int = 500  # items


class Course:
    """What to ask next."""

    def __init__(self, pace: Pace, chance: Callable[[], float] = random.random) -> None:
        """chance: an even number between 0 and 1."""
        self.pace, self._chance = pace, chance
        self._version, self._continue = "", ""
        self._failures = 0
        self._lasts = 0  # seconds that the last WATCH was asked for
        self._fresh = False  # whether nothing was asked since the LIST
        self._stale = 0  # how many LISTs in a row gave a version that is too old already
        self.delay = chance() * pace.start

    @property
    def listing(self) -> bool:
        """Whether the next request is a LIST, or a page of one; else a WATCH."""
        return not self._version

    @property
    def paging(self) -> bool:
        """Whether the next request is a further page of a LIST."""
        return bool(self._continue)

    def query(self) -> dict[str, str]:
        """The next request's parameters, without the selector."""
        pace = self.pace
        if not self.listing:
            self._lasts = max(1, int(pace.watch * (1 + self._chance())))
            return {
                "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": self._version,
                "timeoutSeconds": str(self._lasts),
            }  # fmt: skip
        if self._continue:
            return {"limit": str(pace.page), "continue": self._continue}
        # 0: whatever the API server has in memory; without, it reads all of the cluster's pods from etcd for us
        exact = self._stale > 1
        return {"limit": str(pace.page)} if exact else {"limit": str(pace.page), "resourceVersion": "0"}

    def listed(self, version: str, more: str) -> None:
        """A page came. more: what the next one is asked with, empty if it was the last one."""
        self._continue, self.delay = more, 0.0
        if not more:
            self._version, self._fresh = version, True

    def seen(self, version: str) -> None:
        """An event, or a bookmark: a WATCH may begin behind it."""
        self._version = version or self._version
        self._accepted()

    def ended(self, seconds: float) -> None:
        """A WATCH ended as watches do, after so long. Before its time: then those of all nodes ended with it."""
        if seconds >= self.pace.settled:
            self.settled()
            self.delay = self._chance() * (self.pace.first if seconds < self._lasts else min(1.0, self.pace.first))
        else:
            self._failures += 1
            self._accepted()
            self.delay = self._chance() * min(self.pace.restless, self._backoff())

    def settled(self) -> None:
        """A WATCH has lived long enough: what was before is forgiven."""
        self._failures = 0
        self._accepted()

    def _accepted(self) -> None:
        """The version that a LIST gave was good for a WATCH."""
        self._fresh, self._stale = False, 0

    def failed(self, trouble: Trouble) -> None:
        """A request failed."""
        if trouble.reason == "gone":
            self._gone()
            return
        self._failures += 1
        self._fresh = False  # what is too old when this is over was not when it began
        self.delay = self._chance() * self._backoff()
        if trouble.wait is not None:
            self.delay += trouble.wait

    def _gone(self) -> None:
        """A version is too old to go on from: list anew, and exactly if two LISTs gave such a one.

        A thousand agents that ask exactly, after an API server was started anew, bring it down again.
        """
        self._stale = self._stale + 1 if self._fresh else 0
        self._fresh = False
        self._failures += 1
        self._version, self._continue = "", ""
        self.delay = self._chance() * max(self.pace.relist, self._backoff())

    def _backoff(self) -> float:
        return min(self.pace.longest, self.pace.first * 2.0 ** min(self._failures - 1, 30))
