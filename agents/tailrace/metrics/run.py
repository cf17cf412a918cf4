"""run: the settings in, the exporter as a process: it answers /metrics until it is told to stop."""

from __future__ import annotations

import gc
import logging
import resource
import signal
from contextlib import ExitStack

from tailrace.config import Settings, node_name
from tailrace.health import ListenError
from tailrace.metrics import chosen
from tailrace.metrics.host import Host
from tailrace.metrics.interval import Interval
from tailrace.metrics.scrape import Scrape
from tailrace.metrics.server import Server
from tailrace.metrics.wired import opened
from tailrace.metrics.writers.writing import Writing

_GARBAGE = 200_000  # objects made until cycles are looked for
_FILES = 65_536  # of control groups stay open from scrape to scrape; a thousand pods have as many
_ENDS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("tailrace")


def run(settings: Settings) -> int:
    """Collect and answer until told to stop. Returns 0, or 1 if it could not start."""
    # Blocked before the first thread starts, so that all have it so: only the wait below takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        return _run(settings)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _run(settings: Settings) -> int:
    # A scrape makes a hundred thousand objects and none is in a cycle: looking for one every 700 is a waste.
    gc.set_threshold(_GARBAGE)
    _more_files()
    with ExitStack() as ending:
        try:
            writers = chosen.opened(settings)
            collectors = opened(settings, Host(settings.root), writers, ending)
            scrape = Scrape(collectors, settings.sample_limit)
            ending.callback(scrape.close)
            scrape.collect()  # so that what fails is told now, and the first scrape from outside costs what all do
            server = Server(settings.listen, scrape)
        except (ListenError, ValueError) as error:
            log.error("%s", error)
            return 1
        ending.callback(server.close)
        writing = Writing(scrape.collect, writers, Interval(settings.metrics_interval, node_name(settings)))
        ending.callback(writing.close)
        writing.start()
        if settings.listen:
            log.info("/metrics is served at %s, of %d collectors", server.url, len(scrape.collectors))
        # What is here now stays: not looking through it again and again is a tenth of a scrape.
        gc.collect()
        gc.freeze()
        signal.sigwait(_ENDS)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)  # the second one ends the process at once
    return 0


def _more_files() -> None:
    """Take as many open files as we may have, where the process was started with fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
