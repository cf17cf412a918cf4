"""Every panel over Prometheus has data in a real one, over a node's exporter and its log agent."""

from __future__ import annotations

import re
import shutil
from math import isnan
from pathlib import Path

from tests.dashboards import shown
from tests.dashboards.test_prometheus import Watched, until, watched  # noqa: F401
from tests.servers.prometheus import Prometheus

VARIABLES = dict.fromkeys(("cluster", "instance", "namespace", "workload"), ".*")
# What stays empty here, and why: panels by title.
EMPTY: tuple[tuple[str, str], ...] = ()


def test_every_panel_has_data(watched: Watched) -> None:  # noqa: F811
    prometheus, node = watched
    asked = [one for one in shown.asked("prometheus") if one.panel not in dict(EMPTY)]
    assert len(asked) > 80
    # The captured node's process 1 shares its network with everybody; the made one's has only /proc/1/net/dev.
    for name in ("netstat", "snmp"):
        shutil.copy(node.root / "proc/net" / name, node.root / "proc/1/net" / name)
    lacking = list(asked)

    def empty() -> list[str]:
        """Those that had no value yet; of nothing divided by nothing there is none."""
        go_on(node.root)
        lacking[:] = [one for one in lacking if all(map(isnan, values(prometheus, one.text)))]
        return [f"{one.id}: {one.text}" for one in lacking]

    until(empty, node.log)


def go_on(root: Path) -> None:
    """Time passes for the containers' CPUs."""
    for file in (root / "sys/fs/cgroup").rglob("cpu.stat"):
        file.write_text(re.sub(r"(?<=nr_periods )\d+", lambda found: str(int(found[0]) + 10), file.read_text()))


def values(prometheus: Prometheus, text: str) -> list[float]:
    return [value for _, value in prometheus.query(shown.promql(text, VARIABLES, "1m"))]
