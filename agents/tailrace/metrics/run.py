"""run: the settings in, the exporter as a process: it answers /metrics until it is told to stop.

SIGHUP begins it anew in the same process, with the settings as they are then: what the exporter holds is made again in
a second, so no part of it has to know how to change. Only what a writer still holds in memory is lost by it.
"""

from __future__ import annotations

import gc
import logging
import resource
import signal
from collections.abc import Callable
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
_ENDS, _AGAIN = (signal.SIGTERM, signal.SIGINT), signal.SIGHUP

Load = Callable[[], Settings]  # the settings read anew; raises ValueError if they would be refused

log = logging.getLogger("tailrace")


def run(settings: Settings, load: Load | None = None) -> int:
    """Collect and answer until told to stop. load: how the settings are read again, on SIGHUP.

    Returns 0, or 1 if it could not start.
    """
    # Blocked before the first thread starts, so that all have it so: only the wait below takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_ENDS, _AGAIN))
    try:
        while isinstance(found := _run(settings, load), Settings):
            settings = found
        return found
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_ENDS, _AGAIN))


def _run(settings: Settings, load: Load | None) -> int | Settings:
    """Until told to stop: the exit code. Until told to begin anew: with what."""
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
        if (new := _told(load)) is not None:
            gc.unfreeze()
            return new
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)  # the second one ends the process at once
    return 0


def _told(load: Load | None) -> Settings | None:
    """Wait for a signal: None to stop, or the settings to go on with."""
    while signal.sigwait((*_ENDS, _AGAIN)) == _AGAIN:
        try:
            if load:
                new = load()
                log.info("the settings were read anew: beginning with them")
                return new
        except ValueError as error:
            log.error("new settings are refused, the old ones stay in force: %s", error)
    return None


def _more_files() -> None:
    """Take as many open files as we may have, where the process was started with fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
