"""dashboards/alerts/alertmanager.example.yaml: an alert reaches who can do something, and one trouble is one page."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.dashboards.rules import FOLDER, rules
from tests.servers.alertmanager import Alertmanager, found
from tests.servers.answering import Answering
from tests.servers.parts import binary, need

CONFIG = FOLDER / "alertmanager.example.yaml"
NAMES = {rule.name for rule in rules() if rule.alert}


def amtool(*words: str) -> str:
    """What amtool says."""
    need(binary("amtool"), "amtool")
    said = subprocess.run([str(binary("amtool")), *words], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout.strip()


def receiver(**labels: str) -> str:
    """Who gets an alert with these labels."""
    told = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", "--config.file", str(CONFIG), *told)


def test_amtool_takes_the_config() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


@pytest.mark.parametrize(
    ("labels", "who"),
    [
        ({"severity": "critical", "team": "platform"}, "platform-pager"),
        ({"severity": "warning", "team": "platform"}, "platform-tickets"),
        ({"severity": "critical", "team": "applications", "namespace": "shop"}, "shop-pager"),
        ({"severity": "warning", "team": "applications", "namespace": "payments"}, "shop-tickets"),
        ({"severity": "critical", "team": "applications", "namespace": "data"}, "applications-pager"),
        ({"severity": "warning", "team": "applications", "namespace": "data"}, "applications-tickets"),
        ({"severity": "info", "team": "applications", "namespace": "shop"}, "nobody"),
        ({"severity": "info", "team": "platform"}, "nobody"),
        ({"alertname": "SLOErrorBudgetBurn", "severity": "critical", "team": "platform"}, "platform-pager"),
        ({"alertname": "SomebodyElses", "severity": "critical"}, "platform-tickets"),
    ],
)
def test_severity_and_team_say_who_is_told(labels: dict[str, str], who: str) -> None:
    assert receiver(**labels) == who


def test_every_severity_and_team_of_an_alert_is_routed() -> None:
    kinds = {(rule.labels["severity"], rule.labels["team"]) for rule in rules() if rule.alert}
    assert len(kinds) >= 5
    for severity, team in kinds:
        who = receiver(severity=severity, team=team)
        assert who == ("nobody" if severity == "info" else f"{team}-{'pager' if severity == 'critical' else 'tickets'}")


def test_inhibition_names_only_alerts_that_there_are() -> None:
    patterns = [
        pattern
        for rule in yaml.safe_load(CONFIG.read_text())["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
        for pattern in re.findall(r'alertname!?=~?"(.+)"', matcher)
    ]
    assert len(patterns) > 8
    single = [one for pattern in patterns for one in ([pattern] if "(" in pattern else pattern.split("|"))]
    assert [one for one in single if not any(re.fullmatch(one, name) for name in NAMES)] == []


@pytest.fixture(scope="module")
def told() -> Iterator[Answering]:
    """What receivers are sent."""
    with Answering() as server:
        yield server


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory, told: Answering) -> Iterator[Alertmanager]:
    """The example as it is, but for where it sends to and that it waits for nothing."""
    need(found(), "Alertmanager")
    folder = tmp_path_factory.mktemp("alertmanager")
    text = re.sub(r"http://\w+\.example\.com", told.url, CONFIG.read_text())
    (folder / "config.yaml").write_text(re.sub(r"group_wait: \w+", "group_wait: 200ms", text))
    with Alertmanager(folder, folder / "config.yaml") as server:
        yield server


N1, SINK = {"instance": "n1", "cluster": "c"}, {"instance": "n1", "cluster": "c", "sink": "lake"}
POD = {"namespace": "shop", "pod": "web-0", "cluster": "c", "team": "applications", "severity": "warning"}
SPACE = {"alertname": "NodeFilesystemAlmostOutOfSpace", "mountpoint": "/", "cluster": "c"}
BURN = {"alertname": "SLOErrorBudgetBurn", "slo": "logs-fresh", "cluster": "c", "team": "platform"}


@pytest.mark.parametrize(
    ("because", "quiet", "loud"),
    [
        pytest.param(
            {**SPACE, "instance": "a", "severity": "critical"}, {**SPACE, "instance": "a", "severity": "warning"},
            {**SPACE, "instance": "b", "severity": "warning"}, id="critical explains warning of the same name",
        ),
        pytest.param(
            {**BURN, "severity": "critical", "window": "1h"}, {**BURN, "severity": "critical", "window": "6h"},
            {**BURN, "severity": "critical", "window": "6h", "slo": "pods-ready"}, id="the fastest burn is enough",
        ),
        pytest.param(
            {**N1, "alertname": "NodeDown", "severity": "critical"},
            {**N1, "alertname": "NodeMemoryHighUtilization", "severity": "warning"},
            {**N1, "alertname": "NodeMemoryHighUtilization", "severity": "warning", "instance": "n2"},
            id="a node is down",
        ),
        pytest.param(
            {**SINK, "alertname": "TailraceLogSinkDenied", "severity": "critical"},
            {**SINK, "alertname": "TailraceLogSinkRetrying", "severity": "warning"},
            {**SINK, "alertname": "TailraceLogLinesAbandoned", "severity": "critical"}, id="a loss is never explained",
        ),
        pytest.param(
            {**SINK, "alertname": "TailraceLogSinkDown", "severity": "warning", "instance": "n5"},
            {**N1, "alertname": "TailraceLogLagging", "severity": "warning", "instance": "n5"},
            {**N1, "alertname": "TailraceLogLagging", "severity": "warning", "instance": "n6"}, id="a sink is down",
        ),
        pytest.param(
            {**POD, "alertname": "KubePodCrashLooping"}, {**POD, "alertname": "KubePodNotReady"},
            {**POD, "alertname": "KubePodNotReady", "pod": "web-1"}, id="a crash loop is not ready either",
        ),
    ],
)  # fmt: skip
def test_what_a_larger_trouble_explains_is_kept_quiet(
    manager: Alertmanager, because: dict[str, str], quiet: dict[str, str], loud: dict[str, str]
) -> None:
    manager.fire(because, quiet, loud)
    wait_until(lambda: inhibited(manager, quiet))
    assert not inhibited(manager, because)
    assert not inhibited(manager, loud)


def inhibited(manager: Alertmanager, labels: dict[str, str]) -> bool:
    """Whether the alert with these labels is kept quiet by another."""
    (found,) = (one for one in manager.alerts() if one["labels"] == labels)
    return bool(found["status"]["inhibitedBy"])


def wait_until(true: Callable[[], object]) -> None:
    """Until something has come to be."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_page_reaches_the_pager_and_what_it_explains_does_not(manager: Alertmanager, told: Answering) -> None:
    of = {"cluster": "page", "sink": "lake", "team": "platform"}
    manager.fire({**of, "alertname": "TailraceLogSinkDenied", "severity": "critical"})
    sent(told, "/platform", "TailraceLogSinkDenied")
    manager.fire(
        {**of, "alertname": "TailraceLogSinkRetrying", "severity": "warning"},
        {**of, "alertname": "TailraceLogKubeNotSynced", "severity": "warning"},
    )
    sent(told, "/platform", "TailraceLogKubeNotSynced")
    assert not [asked for asked in told.asked if b"TailraceLogSinkRetrying" in asked.body and b'"page"' in asked.body]


def sent(told: Answering, path: str, name: str) -> None:
    """Wait until a receiver was sent an alert of this name from the cluster `page`."""
    wait_until(lambda: [a for a in told.asked if a.path == path and name.encode() in a.body and b'"page"' in a.body])
