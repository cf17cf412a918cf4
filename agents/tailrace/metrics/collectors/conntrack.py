"""conntrack: the kernel's connection tracking in, node_nf_conntrack_* out.

/proc/net/stat/nf_conntrack has a line a CPU, of hexadecimal columns, whose sums are shown. The first column is the
table's size and the same in each line.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import number, read

ENTRIES = Described(
    "node_nf_conntrack_entries", "gauge", "Number of currently allocated flow entries for connection tracking."
)
LIMIT = Described("node_nf_conntrack_entries_limit", "gauge", "Maximum size of connection tracking table.")
# By column; some of the header's names changed with the kernel, the columns' meaning here did not.
_COLUMNS = {
    2: ("found", "Number of searched entries which were successful."),
    4: ("invalid", "Number of packets seen which can not be tracked."),
    5: ("ignore", "Number of packets seen which are already connected to a conntrack entry."),
    8: ("insert", "Number of entries inserted into the list."),
    9: (
        "insert_failed",
        "Number of entries for which list insertion was attempted but failed.",
    ),
    10: ("drop", "Number of packets dropped due to conntrack failure."),
    11: (
        "early_drop",
        "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.",
    ),
    16: (
        "search_restart",
        "Number of conntrack table lookups which had to be restarted due to hashtable resizes.",
    ),
}
_STATS = {column: Described(f"node_nf_conntrack_stat_{n}", "gauge", h) for column, (n, h) in _COLUMNS.items()}


def parse(text: bytes) -> dict[int, int]:
    """The sum over the CPUs of each column of ours. Raises ValueError."""
    sums = dict.fromkeys(_STATS, 0)
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) <= max(_STATS):
            raise ValueError(f"nf_conntrack: {len(fields)} columns, {max(_STATS) + 1} are needed")
        for column in sums:
            sums[column] += int(fields[column], 16)
    return sums


class Conntrack(Collector):
    """How full the table of tracked connections is, and what could not be tracked."""

    name = "conntrack"
    FAMILIES = (ENTRIES, LIMIT, *_STATS.values())

    def collect(self) -> Iterator[Metric]:
        folder = self.host.proc + "/sys/net/netfilter"
        try:
            entries = number(folder + "/nf_conntrack_count")
        except FileNotFoundError:
            raise Absent("this kernel does not track connections") from None
        yield ENTRIES.one(entries)
        yield LIMIT.one(number(folder + "/nf_conntrack_max"))
        for column, value in parse(read(self.host.net + "/stat/nf_conntrack")).items():
            yield _STATS[column].one(value)
