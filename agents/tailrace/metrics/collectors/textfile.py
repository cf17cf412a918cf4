"""textfile: the files *.prom of a folder in, what they say and node_textfile_* out.

What a script writes there is its own: a file that can't be read, or that has timestamps, is left out whole and told by
node_textfile_scrape_error. A file is parsed when it has changed, not at every scrape.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described, exposed
from tailrace.metrics.host import Host, read
from tailrace.metrics.labels import Labels

log = logging.getLogger("tailrace")

ERROR = Described(
    "node_textfile_scrape_error", "gauge", "1 if there was an error opening or reading a file, 0 otherwise"
)
MTIME = Described("node_textfile_mtime_seconds", "gauge", "Unixtime mtime of textfiles successfully read.", ("file",))
_COUNTERS = re.compile(r"^#[ \t]*TYPE[ \t]+(\S+)[ \t]+counter", re.MULTILINE)
_LIMIT = 16 << 20  # bytes of one file

Version = tuple[int, int, int]


def parse(text: str, path: str) -> list[Metric]:
    """The families of a file. Raises ValueError: it can't be read, or has timestamps."""
    found = []
    bare = {name for name in _COUNTERS.findall(text) if not name.endswith("_total")}
    for metric in text_string_to_metric_families(text):
        if any(sample.timestamp is not None for sample in metric.samples):
            raise ValueError(f"{metric.name} has timestamps, which a scrape must not give")
        metric.documentation = metric.documentation or f"Metric read from {path}"
        # The parser gives every counter a `_total`; a counter that was written without one keeps its name.
        more = "_total" if metric.type == "counter" and metric.name in bare else ""
        metric.samples = [
            Sample(s.name.removesuffix(more), Labels(sorted(s.labels.items())), s.value) for s in metric.samples
        ]
        found.append(metric)
    return found


class Textfile(Collector):
    """What scripts of the node have to say."""

    name = "textfile"
    FAMILIES = (ERROR, MTIME)

    def __init__(self, host: Host, folder: str = "") -> None:
        """folder: on this machine, not below the host's root; empty: none."""
        super().__init__(host)
        self._folder = folder
        self._parsed: dict[str, tuple[Version, list[Metric]]] = {}
        self._told: set[tuple[str, str]] = set()

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        mtimes, error = [], False
        kept, self._parsed = self._parsed, {}
        for path in self._files():
            try:
                version = _version(path)
                if path not in kept or kept[path][0] != version:
                    kept[path] = version, parse(read(path, _LIMIT).decode("utf-8"), path)
                self._parsed[path] = kept[path]
                for metric in kept[path][1]:
                    _merge(families, metric)
                mtimes.append((Labels(file=path), version[0] // 10**9))
            except (OSError, ValueError) as problem:
                error = True
                self._tell(path, str(problem))
        if self._folder and not os.path.isdir(self._folder):
            error = True
            self._tell(self._folder, "there is no such folder")
        yield from families.values()
        yield MTIME.of(mtimes)
        yield ERROR.one(float(error))

    def _files(self) -> list[str]:
        try:
            names = os.listdir(self._folder) if self._folder else []
        except OSError:
            return []
        return [os.path.join(self._folder, name) for name in sorted(names) if name.endswith(".prom")]

    def _tell(self, path: str, problem: str) -> None:
        """Once for each file and problem."""
        if (path, problem) not in self._told and len(self._told) < 1000:
            self._told.add((path, problem))
            log.warning("textfile %s: %s: its metrics are missing from /metrics; mend what writes it", path, problem)


def _version(path: str) -> Version:
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _merge(families: dict[str, Metric], metric: Metric) -> None:
    """Add a file's family to those of the files before. Raises ValueError: they say different things of it."""
    name = exposed(metric)
    if (there := families.get(name)) is None:
        there = families[name] = Metric(metric.name, metric.documentation, metric.type)
    if there.type != metric.type:
        raise ValueError(f"{name} is a {metric.type} here and a {there.type} in another file")
    there.samples += metric.samples
