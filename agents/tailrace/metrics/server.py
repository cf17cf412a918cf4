"""server: a Scrape in, /metrics, /healthz and /readyz out.

/metrics   a scrape of its own for each request, as Prometheus' text or OpenMetrics, gzipped if the client takes it
/healthz   503 only if a collector has not come back for a minute: a restart may help
/readyz    503 before the first scrape has ended, and while no collector succeeds (a wrong root, mostly)
"""

from __future__ import annotations

from tailrace.health import Handler, address
from tailrace.health import Server as HealthServer
from tailrace.metrics.exposition import rendered
from tailrace.metrics.scrape import Scrape

PATIENCE = 60.0  # seconds that a collector may take before it counts as stuck


class Standing:
    """What the probes answer about a Scrape."""

    def __init__(self, scrape: Scrape, patience: float = PATIENCE) -> None:
        self.scrape = scrape
        self._patience = patience

    def alive(self) -> tuple[bool, str]:
        """Whether no collector is stuck, and a sentence."""
        collector, seconds = self.scrape.running()
        if seconds <= self._patience:
            return True, "ok: no collector is stuck"
        return False, (
            f"stuck: the collector {collector} is at work since {seconds:.0f} s, {self._patience:.0f} s are allowed; "
            "every scrape waits for it; a restart may help, and collectors_off leaves it out"
        )

    def ready(self) -> tuple[bool, str]:
        """Whether there is something to scrape, and a sentence."""
        succeeded, of = self.scrape.succeeded, len(self.scrape.collectors)
        if succeeded < 0:
            return False, "not ready: no scrape has ended yet"
        if succeeded == 0:
            return False, "not ready: no collector succeeds; see that the node's root folder (--root) has proc and sys"
        return True, f"ok: {succeeded} of {of} collectors succeeded in the last scrape"


class Server(HealthServer):
    """The HTTP server of the exporter, in threads that end with the process."""

    def __init__(self, listen: str, scrape: Scrape) -> None:
        """listen: as health.Server takes it. Raises its ListenError."""
        handler = type("Exporting", (_Handler,), {"scrape": scrape})
        super().__init__(listen, None, Standing(scrape), handler)
        self._host = address(listen)[0] if listen else ""

    @property
    def url(self) -> str:
        """Where /metrics is, as it can be asked from this machine."""
        host = self._host or "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"


class _Handler(Handler):
    scrape: Scrape

    def metrics(self) -> None:
        accept, encodings = self.headers.get("Accept") or "", self.headers.get("Accept-Encoding") or ""
        body, headers = rendered(self.scrape.collect(), accept, encodings)
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
