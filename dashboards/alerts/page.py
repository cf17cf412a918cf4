"""page: the rule files beside this one in, docs/alerts.md out: what each alert asks and says.

What to do then is docs/operate.md, to which every alert's runbook_url leads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
_HEAD = """# Alerts, recording rules and service levels

<!-- Generated from dashboards/alerts/*.yaml by `make docs`. -->

```yaml
# prometheus.yml
rule_files: [dashboards/alerts/rules-*.yaml, dashboards/alerts/alerts-*.yaml]
scrape_configs:
  - job_name: tailrace
    honor_labels: true   # the labels namespace, pod and container of a metric are its own, not the exporter's
```

With the Prometheus Operator, a file is the `spec` of a PrometheusRule:

```sh
for file in dashboards/alerts/rules-*.yaml dashboards/alerts/alerts-*.yaml; do
  printf -- '---\\napiVersion: monitoring.coreos.com/v1\\nkind: PrometheusRule\\n'
  printf 'metadata: {name: tailrace-%s}\\nspec:\\n' "$(basename "$file" .yaml)"
  sed 's/^/  /' "$file"
done | kubectl apply -f -
```

Every rule is tested with promtool: each alert in a world in which it must fire and in one, just short of it, in which
it must not; each recording rule against values worked out by hand.

- **Which files.** Each `alerts-*.yaml` works alone, with the `rules-*.yaml` of its subject: `alerts-pods.yaml` reads
  `rules-kubernetes.yaml`, `alerts-slo.yaml` reads `rules-slo.yaml`. No rule asks for a job's name.
- **Beside kube-prometheus.** Names that start with Node, Kube or CPU are those of the mixins, for the same conditions,
  so that silences, routes and dashboards go on working: load theirs or ours, not both. With the kubelet's cAdvisor or
  kube-state-metrics scraped besides, the recording rules over containers and pods count nothing twice; of two exporters
  of `node_*` scrape one.
- **Several clusters.** Every aggregation keeps the label `cluster`: set it on the targets where one Prometheus watches
  several, and in `external_labels` where each has its own.
- **Severity.** critical: somebody is woken, because data or service is being lost or will be within hours. warning: a
  ticket for the day. info: for looking up; it pages nobody.
- **Team.** platform: nodes and agents. applications: who owns the namespace in the labels.
- **Alertmanager.** [alertmanager.example.yaml](../dashboards/alerts/alertmanager.example.yaml) routes by severity and
  team, and keeps quiet what a larger trouble explains.
- **Runbook.** [operate.md](operate.md#runbook) has an entry for each alert. `runbook_url` is relative to this
  repository; put the address in front where you host it:
  `sed -i 's#runbook_url: docs#runbook_url: https://HOST/docs#' dashboards/alerts/alerts-*.yaml`.
- **What is missing.** The mixins' rules and alerts on the API server, the kubelet's own metrics, Deployments, quotas
  and autoscalers: nobody on a node knows them. kube-state-metrics and the control plane's own endpoints do.

## Service levels

| `slo` | objective | what is bad |
|---|---|---|
| `logs-delivered` | 99.99 % of bytes | bytes that were given up (`tailrace_log_abandoned_bytes_total`, holes aside) |
| `logs-fresh` | 99 % of minutes of nodes | a file unread for over a minute, a sink that is down, a dead agent |
| `pods-ready` | 99 % of minutes of pods | a running pod that is not ready, Jobs aside |

`slo:sli_error:ratio_rate5m` and its siblings up to `3d` are the shares of what was bad,
`slo:period_error_budget_remaining:ratio` is what is left of 30 days' budget. Each level is watched by four burn rates
(SRE Workbook, chapter 5). One of your own is a rule for the objective and one for each window, under the same names and
with another `slo`: the alerts need no change.
"""


def markdown() -> str:
    """docs/alerts.md."""
    return _HEAD + "\n" + "\n".join(_alerts()) + "\n## Recording rules\n\n" + "\n".join(_recorded()) + "\n"


def _groups(pattern: str) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    files = sorted(FOLDER.glob(pattern))
    assert files, f"no {pattern} in {FOLDER}"
    for file in files:
        yield file, [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def _alerts() -> Iterator[str]:
    for file, rules in _groups("alerts-*.yaml"):
        yield f"## {file.name}\n"
        for name, of_name in groupby(rules, lambda rule: rule["alert"]):
            yield from _alert(name, list(of_name))


def _alert(name: str, rules: list[dict[str, Any]]) -> Iterator[str]:
    yield f"### {name}\n"
    told = [rule["annotations"] for rule in rules]
    yield _plain(told[0]["summary"]) + "\n"
    for text in dict.fromkeys(one["description"] for one in told):
        yield _plain(text) + "\n"
    for rule in rules:
        after = f", after {rule['for']}" if "for" in rule else ", at once"
        window = f", window {rule['labels']['window']}" if "window" in rule["labels"] else ""
        yield f"**{rule['labels']['severity']}**, {rule['labels']['team']}{window}{after}:\n"
        yield f"```promql\n{rule['expr']}\n```\n"
    yield f"[What to do](operate.md#{name.lower()})\n"


def _plain(text: str) -> str:
    """A template with what is filled in in italics."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", text)
    return re.sub(r"\{\{ \$value[^}]*\}\}", "*value*", text)


def _recorded() -> Iterator[str]:
    yield "| record | labels set | file |"
    yield "|---|---|---|"
    for file, rules in _groups("rules-*.yaml"):
        found: dict[str, list[str]] = {}
        for rule in rules:
            found.setdefault(rule["record"], []).extend(f"`{k}={v}`" for k, v in rule.get("labels", {}).items())
        for name, labels in found.items():
            yield f"| `{name}` | {', '.join(labels)} | {file.name} |"


GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (("docs/alerts.md", markdown),)
