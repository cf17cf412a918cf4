"""watch: one resource of the API server in, all of its objects and then each change of them out, for ever.

LIST once, WATCH from there, and go on from the last version that was seen, whatever ends the watch. Only a 410 makes
it LIST again. What is asked when is decided in course.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from tailrace.kube.access import JSON, Access, Status, Stream
from tailrace.kube.course import Course
from tailrace.kube.items import Items
from tailrace.kube.trouble import Trouble

T = TypeVar("T")
log = logging.getLogger("tailrace")

_LONGEST = 64 << 20  # bytes of an event

COUNTERS = ("list_requests", "watch_requests", "list_bytes", "watch_bytes", "events", "relists", "failures", "skipped")


@dataclass(frozen=True)
class Resource:
    """What is watched. name: in RBAC's words. query: a selector. metadata_only: the API server sends no more of it."""

    path: str
    name: str
    query: Mapping[str, str] = field(default_factory=dict)
    metadata_only: bool = False

    def accept(self, kind: str) -> str:
        """The header for an answer; kind: List, or empty for a watch."""
        return f"{JSON};as=PartialObjectMetadata{kind};g=meta.k8s.io;v=v1" if self.metadata_only else JSON


@dataclass(frozen=True)
class Taker(Generic[T]):
    """Who takes what. Called from the watch's thread."""

    listed: Callable[[list[T]], None]  # these are all that there are
    changed: Callable[[T], None]  # this one is new, or another
    deleted: Callable[[T], None]  # this one is gone
    well: Callable[[], None]  # the API server answers: a LIST is whole and a WATCH has begun
    troubled: Callable[[Trouble], None]  # it does not; it will be asked again


class _Meta(msgspec.Struct):
    resourceVersion: str = ""


class _Object(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Watch(Generic[T]):
    """Runs in a thread of its caller's: `run` until `stop`. `counters`: what it did so far, by COUNTERS."""

    def __init__(
        self, access: Access, resource: Resource, decode: Callable[[bytes | msgspec.Raw], T], taker: Taker[T],
        course: Course, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """decode: an object's JSON to what is kept of it; msgspec.ValidationError skips the object."""
        self._access, self._resource, self._decode, self._taker = access, resource, decode, taker
        self._course, self._clock = course, clock
        self._what = f"what the API server says of {resource.name}"
        self._stopping = threading.Event()
        self._stream: Stream | None = None
        self._items: list[T] = []
        self._was_whole = False
        self.counters = dict.fromkeys(COUNTERS, 0)

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopping.wait(self._course.delay):
            begun = self._clock()
            try:
                if self._course.listing:
                    self._list()
                    continue
                self._watch()
            except Trouble as trouble:
                if self._stopping.is_set():
                    return
                self._failed(trouble, self._clock() - begun)
            except Exception as e:  # a fault of ours; without this thread nobody would hear of new pods
                log.exception("%s could not be taken up: lines go without what changed; report this", self._what)
                self._failed(Trouble("failed", f"{self._what}: {e!r}", "report this"), self._clock() - begun)
            else:
                self._course.ended(self._clock() - begun)

    def stop(self) -> None:
        """Make `run` return soon. From any thread."""
        self._stopping.set()
        if stream := self._stream:
            stream.abort()

    def _failed(self, trouble: Trouble, lived: float) -> None:
        pace = self._course.pace
        if trouble.reason == "timeout" and lived >= pace.quiet and not self._course.listing:
            self._course.ended(lived)  # nobody ended it, but it was dead
            return
        if lived >= pace.settled:
            self._course.settled()
        self.counters["failures"] += 1
        self._items = []
        self._course.failed(trouble)
        if trouble.reason != "gone":  # that is how things go: no trouble
            self._taker.troubled(trouble)

    def _ask(self, verb: str, kind: str, gzip: bool = False) -> Stream:
        self.counters[f"{verb}_requests"] += 1
        stream = self._access.open(
            self._resource.path, {**self._resource.query, **self._course.query()}, verb=verb,
            resource=self._resource.name, accept=self._resource.accept(kind), gzip=gzip,
            timeout=self._course.pace.quiet,
        )  # fmt: skip
        self._stream = stream
        if self._stopping.is_set():
            stream.abort()
        return stream

    def _list(self) -> None:
        course = self._course
        if not course.paging:
            self._items = []
            self.counters["relists"] += self._was_whole
        items = Items()
        with self._ask("list", "List", gzip=True) as stream:
            try:
                for piece in stream:
                    for item in items.feed(piece):
                        with self._skipping():
                            self._items.append(self._decode(item))
            finally:
                self.counters["list_bytes"] += stream.size
        rest = items.end()
        if not rest.metadata.resourceVersion:
            raise Trouble("failed", f"the answer is no list of {self._resource.name}: it has no resourceVersion")
        course.listed(rest.metadata.resourceVersion, rest.metadata.continue_)
        if not course.paging:
            self._taker.listed(self._items)
            self._items, self._was_whole = [], True

    def _watch(self) -> None:
        with self._ask("watch", "") as stream:
            self._taker.well()
            try:
                for line in _lines(stream):
                    self._event(line)
            finally:
                self.counters["watch_bytes"] += stream.size

    def _event(self, line: bytes) -> None:
        try:
            event = msgspec.json.decode(line, type=_Event)
            if event.type == "ERROR":
                status = msgspec.json.decode(event.object, type=Status)
                said = f"the watch of {self._resource.name} ended: {status.message[:300]}"
                raise Trouble("gone" if status.code == 410 else "failed", said)
            version = msgspec.json.decode(event.object, type=_Object).metadata.resourceVersion
        except msgspec.DecodeError as e:
            raise Trouble("failed", f"the watch of {self._resource.name} sent what is no event ({e})") from None
        self.counters["events"] += 1
        with self._skipping():
            if event.type in ("ADDED", "MODIFIED"):
                self._taker.changed(self._decode(event.object))
            elif event.type == "DELETED":
                self._taker.deleted(self._decode(event.object))
        self._course.seen(version)

    def _skipping(self) -> _Skipping:
        return _Skipping(self.counters)


class _Skipping(suppress):
    """An object that is not as objects of its kind are is passed over, and counted."""

    def __init__(self, counters: dict[str, int]) -> None:
        super().__init__(msgspec.ValidationError)
        self._counters = counters

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> bool:
        passed = super().__exit__(kind, error, at)  # type: ignore[arg-type]
        self._counters["skipped"] += bool(passed)
        return bool(passed)


def _lines(stream: Stream) -> Iterator[bytes]:
    """Each event, without its newline. An end within one is the server's: the rest of it never comes."""
    held: list[bytes] = []
    size = 0
    for piece in stream:
        first, *others = piece.split(b"\n")
        held.append(first)
        size += len(first)
        for other in others:
            if line := b"".join(held):
                yield line
            held, size = [other], len(other)
        if size > _LONGEST:
            raise Trouble("failed", "the watch sent an event without an end")
