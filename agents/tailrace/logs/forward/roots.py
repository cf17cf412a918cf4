"""roots: the log files of several roots, as one scanner gives them: the node's, and a spool's."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.logs.source.scan import Found, Scanner


class Roots(Scanner):
    """Scanners as one. Each of them needs the same `Problems`. `complete`: every folder of all roots could be read."""

    def __init__(self, scanners: Sequence[Scanner]) -> None:
        super().__init__(scanners[0].root, scanners[0].problems, scanners[0].exclude)
        self._scanners = scanners

    def scan(self) -> list[Found]:
        """Every readable log file, root by root, the oldest of a container first."""
        found = [one for scanner in self._scanners for one in scanner.scan()]
        self.complete = all(scanner.complete for scanner in self._scanners)
        self.hidden = {folder for scanner in self._scanners for folder in scanner.hidden}
        return found
