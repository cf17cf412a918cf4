"""source: a Forward server beside the agent, whose spool the ordinary source reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tailrace.logs.forward.intake import Intake
from tailrace.logs.forward.server import ForwardError, Listen, Server
from tailrace.logs.forward.spool import Spool

__all__ = ["ForwardError", "ForwardSource", "Listen"]


class ForwardSource:
    """A Forward server in a thread of its own. counters: by the names in COUNTERS. All else is the agent's thread's."""

    def __init__(
        self,
        listen: Listen,
        folder: Path,
        budget: int,
        committed: Callable[[str], int],
        exclude: Callable[[str], bool],
        warn: Callable[[str], None],
    ) -> None:
        """Take up the spool in `folder`, before the agent's first scan.

        budget: bytes of the spool past which no socket is read. committed: the committed prefix of the file of an id
        (Progress.committed). exclude: namespaces that nobody reads. Raises ForwardError, or OSError if the folder
        can't be used.
        """
        self.root, self._committed = folder, committed
        folder.mkdir(parents=True, exist_ok=True)
        self._intake = Intake(Spool(folder, budget, committed), folder / "receipts", exclude, committed)
        self.counters = self._intake.counters
        self._server = Server(listen, self._intake, warn)

    @property
    def port(self) -> int:
        """The TCP port that it listens on, 0 for none."""
        return self._server.port

    @property
    def spool_bytes(self) -> int:
        """Bytes in the spool, delivered or not."""
        return self._server.state.spool_bytes

    @property
    def waiting(self) -> int:
        """Chunks whose ack waits for a sink."""
        return self._server.state.waiting

    def figures(self) -> Mapping[str, float]:
        """COUNTERS and GAUGES, by metric."""
        state = self._server.state
        return {
            **{f"tailrace_log_forward_in_{name}_total": value for name, value in self.counters.items()},
            "tailrace_log_forward_in_spool_bytes": state.spool_bytes,
            "tailrace_log_forward_in_waiting_chunks": state.waiting,
        }

    def start(self) -> None:
        """Listen. Raises ForwardError."""
        self._server.start()

    def poll(self) -> None:
        """Acknowledge what is committed and remove it from the spool. Call it after the checkpoint was written."""
        self._server.committed({name: self._committed(name) for name in self._server.state.unfinished})

    def pause(self) -> None:
        """Take no more, before the agent delivers what it has; acks are still sent."""
        self._server.pause()

    def stop(self) -> None:
        """Send the last acks, and close everything. What is in the spool is read at the next start."""
        self._server.stop()
        self._intake.close()
