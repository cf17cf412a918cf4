"""rules: dashboards/alerts/*.yaml in; its rules as values, and promtool's verdict on cases of alerts, out.

A case has two worlds of series, a sick one in which the alert must fire and a well one in which it must not. They are
made into promtool's own test files, and the firing is asked for as `ALERTS{…}`, so that no annotation is written twice.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.servers.parts import binary, need

FOLDER = Path(__file__).parents[2] / "dashboards" / "alerts"
FILES = tuple(sorted(FOLDER.glob("rules-*.yaml"))) + tuple(sorted(FOLDER.glob("alerts-*.yaml")))


@dataclass(frozen=True)
class Rule:
    """A rule as its file has it. name: of the alert, or of the series that it records."""

    name: str
    expr: str
    alert: bool
    labels: dict[str, str] = field(hash=False)
    annotations: dict[str, str] = field(hash=False)
    wait: str
    file: str
    source: dict[str, Any] = field(hash=False)

    @property
    def id(self) -> str:
        """The name with what tells rules of one name apart."""
        told = [self.labels[k] for k in ("severity", "window", "slo", "workload_type") if k in self.labels]
        return " ".join((self.name, *told))

    @property
    def used_labels(self) -> set[str]:
        """The labels that the annotations name."""
        return {*re.findall(r"\$labels\.(\w+)", " ".join(self.annotations.values()))}


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of every file, in order."""
    return tuple(_read())


def _read() -> Iterator[Rule]:
    for file in FILES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            for one in group["rules"]:
                yield Rule(
                    one.get("alert") or one["record"], one["expr"], "alert" in one, one.get("labels", {}),
                    one.get("annotations", {}), one.get("for", "0s"), file.name, one,
                )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """When an alert fires and when it does not.

    alert: a Rule's id. Series are `name{labels} values` as promtool has them, one value per `step`. at: when it must
    fire in the sick world, with one alert; at `early` it must not, there either. In the well world it must fire neither
    at `early` nor at `at`.
    """

    alert: str
    sick: tuple[str, ...]
    well: tuple[str, ...]
    at: str = "20m"
    early: str = ""
    step: str = "1m"


@dataclass(frozen=True)
class Value:
    """What a recording rule makes of series at `at`: all of its samples, by their labels."""

    record: str
    series: tuple[str, ...]
    samples: dict[str, float] = field(hash=False)
    at: str = "10m"
    step: str = "1m"


def firing(rule: Rule) -> str:
    """PromQL: how many alerts of this rule fire that have every label which its annotations name."""
    match = {"alertname": rule.name, "alertstate": "firing", **rule.labels}
    told = [f'{k}="{v}"' for k, v in match.items()] + [f'{k}!=""' for k in sorted(rule.used_labels - match.keys())]
    return f"count(ALERTS{{{', '.join(told)}}})"


def worlds(case: Case, rule: Rule) -> Iterator[dict[str, Any]]:
    """The case as promtool's tests."""
    count, one = firing(rule), [{"labels": "{}", "value": 1}]
    fires = [{"expr": count, "eval_time": case.at, "exp_samples": one}]
    quiet = [{"expr": count, "eval_time": case.at, "exp_samples": []}]
    if case.early:
        early = {"expr": count, "eval_time": case.early, "exp_samples": []}
        fires.append(early)
        quiet.append(early)
    yield _promtool_test(f"{case.alert}: sick", case.step, case.sick, fires)
    yield _promtool_test(f"{case.alert}: well", case.step, case.well, quiet)


def expectation(value: Value) -> dict[str, Any]:
    """The value as promtool's test. Sums of floats are compared to ten digits."""
    samples = [{"labels": labels, "value": round(number, 10)} for labels, number in value.samples.items()]
    asked = [{"expr": f"round({value.record}, 1e-10)", "eval_time": value.at, "exp_samples": samples}]
    return _promtool_test(value.record, value.step, value.series, asked)


def _promtool_test(name: str, step: str, series: Sequence[str], asked: list[dict[str, Any]]) -> dict[str, Any]:
    split = [re.fullmatch(r"(\S*\{[^}]*\}|\S+) +(.+)", one) for one in series]
    assert all(split), [one for one, found in zip(series, split, strict=True) if not found]
    inputs = [{"series": found[1], "values": found[2]} for found in split if found]
    return {"name": name, "interval": step, "input_series": inputs, "promql_expr_test": asked}


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    """What promtool says."""
    need(binary("promtool"), "promtool")
    return subprocess.run([str(binary("promtool")), *words], capture_output=True, text=True, check=False)


def verdict(folder: Path, wanted: Sequence[tuple[Sequence[Rule], dict[str, Any]]]) -> str:
    """What promtool finds wrong in tests, each with the rules that it needs; empty if nothing.

    A test gets only those: promtool evaluates every rule of a file at every step of every test.
    """
    assert wanted
    files = []
    for number, (needed, test) in enumerate(wanted):
        groups = {"groups": [{"name": "tested", "rules": [rule.source for rule in needed]}]}
        (folder / f"{number}.rules.yaml").write_text(yaml.safe_dump(groups))
        whole = {"rule_files": [f"{number}.rules.yaml"], "evaluation_interval": test["interval"], "tests": [test]}
        files.append(folder / f"{number}.test.yaml")
        files[-1].write_text(yaml.safe_dump(whole, sort_keys=False, width=200))
    said = promtool("test", "rules", *map(str, files))
    failed = re.findall(r"FAILED:\n(.+?)\n\n", said.stderr + "\n\n", re.DOTALL)
    assert bool(failed) == (said.returncode != 0), said.stdout + said.stderr
    return "\n".join(failed)
