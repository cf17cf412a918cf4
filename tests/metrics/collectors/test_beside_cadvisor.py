"""containers, against a cAdvisor that runs beside: one group of this machine's kernel, whose process was halted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tailrace.metrics.collector import Collector
from tests.metrics.cgroups.made import id_of, uid_of
from tests.metrics.cgroups.real import V2, Groups
from tests.metrics.cgroups.shown import collector, scrape
from tests.metrics.exposed import families
from tests.servers.cadvisor import cadvisor
from tests.servers.node_exporter import text_of
from tests.waiting import until

PATH = f"kubepods/burstable/pod{uid_of(os.getpid())}/{id_of('beside', os.getpid())}"
# What has a value as soon as a group has a process, on every version and with every controller that is asked for.
EXPECTED = {
    "container_cpu_usage_seconds_total", "container_cpu_user_seconds_total", "container_memory_usage_bytes",
    "container_memory_working_set_bytes", "container_memory_rss", "container_memory_cache",
    "container_spec_memory_limit_bytes", "container_processes",
}  # fmt: skip
# When each of them looked; and a group's age: the folder's for cAdvisor, the older of folder and process for us.
OF_THEIR_OWN = ("container_last_seen", "container_start_time_seconds")
# Without version 2 cAdvisor says 0 for it; we ask a version 2 that is mounted beside version 1.
PRESSURE = () if V2 else ("container_pressure_",)


@pytest.fixture(scope="module")
def group() -> Iterator[str]:
    try:
        groups = Groups("beside")
    except OSError as error:
        pytest.skip(f"this machine lets nobody make control groups: {error}")
    try:
        groups.make(PATH)
        if not groups.set(PATH, str(64 << 20), "memory.max", "memory.limit_in_bytes"):
            pytest.skip("groups of this machine have no memory controller")
        process = groups.work(PATH, 24 << 20)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        until(lambda: int(re.findall(r"user(?:_usec)? (\d+)", cpu(groups))[0]) > 10)
        groups.stop(process)
        yield f"/{groups.name}/{PATH}"
    finally:
        groups.remove()


def cpu(groups: Groups) -> str:
    return next(
        file.read_text()
        for name in ("cpuacct.stat", "cpu.stat")
        for top in groups.tops.values()
        if (file := top / PATH / name).exists()
    )


def test_a_halted_containers_values_are_those_of_a_cadvisor_beside_us(tmp_path: Path, group: str) -> None:
    some, _ = collector(Path("/"))
    with cadvisor(tmp_path, group) as url:
        until(lambda: pairs(some, group, url).keys() >= EXPECTED, why=lambda: pairs(some, group, url))
        # The kernel itself counts memory in batches, some seconds late.
        until(lambda: not differing(some, group, url), why=lambda: differing(some, group, url))
    some.close()


def differing(some: Collector, group: str, url: str) -> dict[str, list[tuple[float, float]]]:
    """Families with a value, ours and cAdvisor's, that is not the same."""
    return {
        name: values
        for name, values in pairs(some, group, url).items()
        if any(ours != pytest.approx(theirs, rel=1e-9) for ours, theirs in values)
    }


def pairs(some: Collector, group: str, url: str) -> dict[str, list[tuple[float, float]]]:
    """Of every family that both have, the values of its series, ours and cAdvisor's."""
    ours = {(name, kind_of(labels)): value for (name, labels), value in scrape(some).items() if ("id", group) in labels}
    theirs = {
        (name, kind_of(labels)): value
        for family in families(text_of(url)).values()
        for (name, labels), value in family.series.items()
        if ("id", group) in labels
    }
    found: dict[str, list[tuple[float, float]]] = {}
    for name, kind in ours.keys() & theirs.keys():
        if not name.startswith((*OF_THEIR_OWN, *PRESSURE)):
            found.setdefault(name, []).append((ours[name, kind], theirs[name, kind]))
    return found


def kind_of(labels: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What a series has beside the names of its container."""
    return tuple(sorted(value for name, value in labels if name in ("failure_type", "scope", "device")))
