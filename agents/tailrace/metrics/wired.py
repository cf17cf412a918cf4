"""wired: the settings in, every collector of the exporter out, in the order of /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from tailrace.config import Settings
from tailrace.metrics import around
from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors import NODE, node
from tailrace.metrics.collectors.textfile import Textfile
from tailrace.metrics.host import Host
from tailrace.metrics.writers import Writer
from tailrace.metrics.writers.telemetry import WritersCollector

# Behind all others: a script may give a family of ours, which is not to be left out for it.
COLLECTORS: tuple[type[Collector], ...] = (*NODE, *around.COLLECTORS, WritersCollector, Textfile)


def opened(settings: Settings, host: Host, writers: Sequence[Writer], ending: ExitStack) -> list[Collector]:
    """The collectors that make sense here and are not switched off. ending: ends what they share.

    Raises ValueError: a setting is missing or wrong.
    """
    found = [*node(settings, host), *around.around(settings, host, ending)]
    if writers:
        found.append(WritersCollector(host, writers))
    found.append(Textfile(host, settings.textfile))
    return wanted(found, settings.collectors_off)


def wanted(collectors: Sequence[Collector], off: Sequence[str]) -> list[Collector]:
    """The collectors that run. Raises ValueError: one is switched off that there is not, or all are."""
    if told := unknown(off):
        raise ValueError(told)
    found = [collector for collector in collectors if collector.name not in off]
    if not found:
        raise ValueError("collectors_off names every collector: nothing was started; leave one on")
    return found


def unknown(off: Sequence[str]) -> str:
    """What is wrong with names of collectors that are to be off, "" if nothing is."""
    names = [collector.name for collector in COLLECTORS]
    if wrong := [name for name in off if name not in names]:
        return (
            f"collectors_off names {', '.join(wrong)}, but the collectors are {', '.join(names)}: nothing was started"
        )
    return ""
