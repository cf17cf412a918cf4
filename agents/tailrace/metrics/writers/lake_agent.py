"""lake_agent: looks as lines in, objects of the lake's table `metrics` out: the log agent over a spool of its own, in a
thread. Imported only if metrics go to the lake: it brings Arrow."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import pyarrow as pa

from tailrace.delivery.ranges import Origin
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.chosen import chosen
from tailrace.lake import METRICS
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateError, StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.feed import Feed
from tailrace.logs.report import Report
from tailrace.logs.run import lake_of
from tailrace.metrics.writers.lake_pipeline import MetricsPipeline
from tailrace.metrics.writers.writer import Counters, Place

# Whose file the looks are, to the source: no namespace can be called so.
LOOKS = Origin("Metrics", "metrics", "metrics", METRICS.name, 0)
FOLDER, SPOOL = "metrics", "spool"  # below the state folder, and below that

log = logging.getLogger("tailrace")

Looks = deque[tuple[float, list[bytes], int]]  # moment, lines, samples


class LakeAgent:
    """The agent and its thread."""

    def __init__(self, seal_seconds: float, place: Place, looks: Looks, counters: Counters) -> None:
        """looks: what is to be taken, oldest first. Raises OSError if the state folder can't be had."""
        pa.set_cpu_count(1)  # the node's cores are its pods'
        pa.set_io_thread_count(1)
        state = place.agent.state / FOLDER
        own = msgspec.structs.replace(
            place.agent, root=state / SPOOL, state=state, cluster=place.cluster, node=place.node, exclude=(),
            host_files=(), journal=(), forward_listen="", forward_socket="", transform="", redact=(), metadata="off",
            seal_seconds=seal_seconds, sinks=tuple(
                msgspec.structs.replace(one, where="", seal_seconds=seal_seconds) for one in place.agent.sinks
            ),
        )  # fmt: skip
        named, counts = chosen(own), Counts()
        places = {one.name: lake_of(one) for one in named}
        self._report = Report(tuple(places), counts)
        try:
            self._folder = StateFolder(state, own.node, log.warning, places)
        except StateError as e:
            raise Refused("failed", str(e)) from None
        try:
            feed = Feed(own.root, log.warning)
            pipeline = MetricsPipeline(own, counts, log.warning, tuple("" for _ in named))
            self._agent = LogAgent(own, [one.open() for one in named], pipeline, self._folder, counts, self._report)
        except (StateError, ValueError) as e:
            self._folder.release()
            raise Refused("failed", str(e)) from None
        except OSError:
            self._folder.release()
            raise
        self._inlet = LooksInlet(feed, looks, counters, self._agent)
        self._agent.inlet = self._inlet
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lake", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether its thread is."""
        return self._thread.is_alive()

    @property
    def used(self) -> int:
        """Bytes of the spool."""
        return self._inlet.used

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def trouble(self) -> str:
        """Why the lake does not get what it is sent, "" if it does."""
        if self._inlet.trouble:
            return self._inlet.trouble
        ready, why = self._report.health.ready()
        return "" if ready or "no scan" in why else why

    def _run(self) -> None:
        try:
            left = self._agent.follow(self._stop)
            if left:
                log.warning("writer lake: %d objects are not stored; they are at the next start", left)
        except Exception:
            log.exception("writer lake: its agent ended; it is started again at the next look; report this")
        finally:
            self._agent.close()

    def close(self, seconds: float) -> None:
        """Stop, and wait so long for what is still to be delivered."""
        self._stop.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            log.warning("writer lake: its sink does not answer: nothing is lost; the next start delivers the rest")


class LooksInlet:
    """Looks into the spool; see logs.agent.Inlet. used: bytes of the spool. trouble: why it takes nothing, or ""."""

    def __init__(self, feed: Feed, looks: Looks, counters: Counters, agent: LogAgent) -> None:
        self._feed, self._looks, self._counters, self._agent = feed, looks, counters, agent
        self.used, self.trouble = feed.used, ""

    def poll(self) -> None:
        """Take what there is, both or none of a look and its moment; forget what the sinks have."""
        with suppress(IndexError):
            while True:
                at, lines, samples = self._looks.popleft()
                if not self._save(at, lines):
                    self._looks.appendleft((at, lines, samples))
                    break
                self._counters.samples += samples
                self._counters.last = at
        self._feed.forget(self._agent.progress.committed)
        self.used = self._feed.used

    def _save(self, at: float, lines: list[bytes]) -> bool:
        if not self._feed.room:
            self.trouble = f"the spool {self._feed.folder} is full: its sink or its disk takes no more"
            return False
        try:
            for line in lines:
                self._feed.append(LOOKS, "stdout", round(at * 1e6), line)
            self._feed.save(at)
        except OSError as e:
            self._feed.drop()
            self.trouble = str(e)
            return False
        self.trouble = ""
        return True

    def pause(self) -> None:
        """Take the last."""
        self.poll()

    def stop(self) -> None:
        """Nothing is to be closed."""

    def figures(self) -> Mapping[str, float]:
        """None: the writer has its own."""
        return {}
