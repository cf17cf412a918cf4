"""case: whose health the doctor looks into: which agent, with which settings, on which node."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tailrace.config import Loaded, Settings

Agent = Literal["logs", "metrics", "cluster"]


@dataclass(frozen=True)
class Case:
    """environ: of the process. wall: seconds since 1970. kernel: the folder that is the kernel's /proc."""

    agent: Agent
    loaded: Loaded
    environ: Mapping[str, str]
    wall: Callable[[], float] = time.time
    kernel: Path = Path("/proc")

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @property
    def keeps_state(self) -> bool:
        """Whether the agent has a state folder and sinks: the exporter has neither."""
        return self.agent != "metrics"
