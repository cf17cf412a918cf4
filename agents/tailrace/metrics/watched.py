"""watched: a resource of the API server in, the objects that there are of it now out, kept by a thread.

An object that is gone is known for some minutes more to those who ask for it by name: a pod that was deleted by force
leaves its containers behind for a while. It is not among `all`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Generic, TypeVar

import msgspec

from tailrace.kube.access import Access
from tailrace.kube.course import Course, Pace
from tailrace.kube.standing import Standing
from tailrace.kube.watch import Resource, Taker, Watch

T = TypeVar("T")
GRACE = 300.0  # seconds that an object is known after it is gone
_MOST_GONE = 1_000


class Kept(Generic[T]):
    """Objects by their key. Readers take no lock, writers do."""

    def __init__(self, key: Callable[[T], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._key, self._clock = key, clock
        self._lock = threading.Lock()
        self._all: dict[str, T] = {}
        self._gone: dict[str, tuple[float, T]] = {}

    def all(self) -> dict[str, T]:
        """Those that there are. Not to be changed; it is another dict after a change."""
        return self._all

    def of(self, key: str) -> T | None:
        """One of them, or of those that went just now."""
        found = self._all.get(key)
        if found is not None:
            return found
        at_and = self._gone.get(key)
        return at_and[1] if at_and and self._clock() - at_and[0] < GRACE else None

    def listed(self, objects: Iterable[T]) -> None:
        """These are all."""
        new = {self._key(one): one for one in objects}
        with self._lock:
            # One that did not change stays the same object: what was made of it is still good.
            new = {key: old if (old := self._all.get(key)) == one else one for key, one in new.items()}
            for key, one in self._all.items():
                if key not in new:
                    self._went(key, one)
            self._become(new)

    def changed(self, one: T) -> None:
        """This one is there."""
        with self._lock:
            self._become({**self._all, self._key(one): one})

    def deleted(self, one: T) -> None:
        """This one is gone."""
        key = self._key(one)
        with self._lock:
            self._went(key, one)
            self._become({other: kept for other, kept in self._all.items() if other != key})

    def _become(self, new: dict[str, T]) -> None:
        if new != self._all:
            self._all = new

    def _went(self, key: str, one: T) -> None:
        now = self._clock()
        living = {other: gone for other, gone in self._gone.items() if now - gone[0] < GRACE}
        self._gone = dict([*living.items(), (key, (now, one))][-_MOST_GONE:])


class Watched(Generic[T]):
    """One resource from `start` to `close`. standing: how its requests go."""

    def __init__(
        self, access: Access, resource: Resource, decode: Callable[[bytes | msgspec.Raw], T], kept: Kept[T],
        standing: Standing, pace: Pace, start_jitter: float,
    ) -> None:  # fmt: skip
        self.kept, self.standing = kept, standing
        taker = Taker(kept.listed, kept.changed, kept.deleted, standing.well, standing.ill)
        course = Course(replace(pace, start=start_jitter))
        self.watch = Watch(access, resource, decode, taker, course)
        self._thread = threading.Thread(target=self.watch.run, name=f"metrics-{resource.name}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread that ends with the process."""
        self._thread.start()

    def close(self) -> None:
        """End it. Waits a few seconds at most."""
        self.watch.stop()
        if self._thread.is_alive():
            self._thread.join(6)
