"""prometheus: a real Prometheus with rule files over some targets, its data in a folder. Debian's; see debian.sh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3
import yaml

from tests.servers.parts import Server, binary, free_port


def found() -> bool:
    """Whether its binary is there."""
    return binary("prometheus") is not None


class Prometheus:
    """A server that scrapes and evaluates every `seconds`."""

    def __init__(
        self, folder: Path, targets: Mapping[str, str], rules: Sequence[Path] = (), *,
        labels: Mapping[str, str] | None = None, seconds: int = 2,
    ) -> None:  # fmt: skip
        """targets: host:port by the name of the job. labels: what every target is given."""
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        every = f"{seconds}s"
        config = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(rule.resolve()) for rule in rules],
            "scrape_configs": [
                {
                    "job_name": job,
                    "honor_labels": True,
                    "static_configs": [{"targets": [target], "labels": dict(labels or {})}],
                }
                for job, target in targets.items()
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        words = [
            str(binary("prometheus")), f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        ]  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        self._server = Server(words, port, folder / "prometheus.txt", {"GOMAXPROCS": "1"})
        self._http = urllib3.PoolManager(retries=False, timeout=30.0)

    def __enter__(self) -> Prometheus:
        self._server.start(self._ready)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def _ready(self) -> bool:
        try:
            return self._http.request("GET", f"{self.url}/-/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _get(self, path: str, fields: dict[str, str] | None = None) -> Any:
        answer = self._http.request("GET", f"{self.url}/api/v1/{path}", fields=fields)
        assert answer.status == 200, answer.data
        return answer.json()["data"]

    def query(self, expr: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """The samples of an expression, labels and value. at: seconds since 1970; None: now."""
        asked = {"query": expr} | ({} if at is None else {"time": f"{at:.3f}"})
        return [(one["metric"], float(one["value"][1])) for one in self._get("query", asked)["result"]]

    def samples(self, expr: str) -> list[tuple[dict[str, str], dict[float, float]]]:
        """All samples of a range as they were scraped: labels, and values by their moments, seconds since 1970."""
        found = self._get("query", {"query": expr})["result"]
        return [(one["metric"], {at: float(value) for at, value in one["values"]}) for one in found]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as it was evaluated last: name, type, health, lastError, and alerts of an alert."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]
