"""commits: what sinks have taken to the checkpoint, written once for all of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tailrace.delivery.objects import Sealed
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.progress import Progress
from tailrace.logs.report import Report

log = logging.getLogger("tailrace")


class Commits:
    """The way into the checkpoint. handles: the open handle of each file that still holds the bytes that were read.
    ends: of those that do not, up to GUARD bytes before an offset, by that.
    """

    def __init__(
        self,
        folder: StateFolder,
        progress: Progress,
        report: Report,
        handles: Callable[[], dict[str, int]],
        ends: Callable[[], dict[str, dict[int, bytes]]] = dict,
    ) -> None:
        self.folder, self.progress = folder, progress
        self.saved: list[Callable[[], None]] = []  # called after each checkpoint that was written
        self._report, self._handles, self._ends = report, handles, ends
        self._unsaved = False

    def take(self, sealed: Sealed, sink: str) -> None:
        """The object is safe with that sink, or in its outbox."""
        handles, ends = self._handles(), self._ends()
        for name, part in sealed.parts.items():
            self.progress.ensure(name, part.file.path)
            before = self.progress.committed(name)
            self.progress.commit(name, part.spans, sink)
            if self.progress.committed(name) != before:  # an intent of the last run says nothing new, and has no handle
                self.progress.guard(name, part.ends | ends.get(name, {}), handles.get(name))
        self._unsaved = True

    def settle(self) -> None:
        """Write the checkpoint if anything was committed since it was written."""
        if not self._unsaved:
            return
        try:
            self.folder.save(self.progress)
        except OSError as e:
            self._report.saved(False)
            log.warning(
                "checkpoint in %s: %s: nothing is lost or doubled, the intents know what is stored; make room",
                self.folder.folder, e,
            )  # fmt: skip
            return
        self._report.saved(True)
        self._unsaved = False
        for told in self.saved:
            told()
