"""schema: the settings' own schema in, the chart's values.schema.json out.

helm checks values before it sends anything: a key that the agent would refuse is refused there, with its place.
"""

from __future__ import annotations

import json
from typing import Any

from tailrace.config.declared import DeclaredSink
from tailrace.config.reference import schema as settings_schema

NOTICE = "Generated from the agent's settings by `make docs`."
TEXT = {"type": "string"}
SWITCH = {"type": "boolean"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
ANY = {"type": "object"}  # a part of a Kubernetes object: the API server checks it
ANYS = {"type": "array", "items": ANY}
GRACE = 30  # seconds: the agent leaves by itself after 25


def _closed(description: str = "", **properties: Any) -> dict[str, Any]:
    """An object with these keys and no others."""
    told = {"description": description} if description else {}
    return {**told, "type": "object", "additionalProperties": False, "properties": properties}


def _amounts() -> dict[str, Any]:
    """Both, of both: a LimitRange or a ResourceQuota then has nothing to add and nothing to refuse."""
    amount = {"type": ["string", "number"]}
    return {
        "type": "object",
        "required": ["cpu", "memory"],
        "properties": {"cpu": amount, "memory": amount},
        "additionalProperties": amount,
    }


def _workload(**more: Any) -> dict[str, Any]:
    """What the DaemonSets and the Deployment share."""
    return _closed(
        serviceAccount=_closed(create=SWITCH, name=TEXT, annotations=TEXTS),
        resources={
            "type": "object",
            "required": ["requests", "limits"],
            "additionalProperties": False,
            "properties": {"requests": _amounts(), "limits": _amounts(), "claims": ANYS},
        },
        tolerations=ANYS,
        nodeSelector=TEXTS,
        priorityClassName=TEXT,
        terminationGracePeriodSeconds={
            "description": "The agent takes up to 25 s to deliver what it has read.",
            "type": "integer",
            "minimum": GRACE,
        },
        podLabels=TEXTS,
        podAnnotations=TEXTS,
        podSecurityContext=ANY,
        env=ANYS,
        extraVolumes=ANYS,
        extraVolumeMounts=ANYS,
        **more,
    )


def values_schema(sinks: tuple[DeclaredSink, ...]) -> str:
    """daemonset/chart/values.schema.json."""
    config = json.loads(settings_schema(sinks))
    dialect = config.pop("$schema")
    config |= {"$comment": NOTICE, "title": "The settings file of the agents, as docs/settings.md has it."}
    monitor = _closed(enabled=SWITCH, interval=TEXT, labels=TEXTS)
    page = {
        "$schema": dialect,
        "title": "Values of the chart tailrace",
        "$comment": NOTICE,
        **_closed(
            config=config,
            files=TEXTS,
            secret=_closed(env=TEXT, files=TEXT),
            image=_closed(
                repository={"type": "string", "minLength": 1},
                tag=TEXT,
                digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
                pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
            ),
            imagePullSecrets=ANYS,
            agent=_workload(updateStrategy=ANY, docker=SWITCH, journalGroup={"type": "integer", "minimum": 1}),
            metrics=_workload(
                enabled=SWITCH,
                port={"type": "integer", "minimum": 1, "maximum": 65535},
                kubelet=SWITCH,
                updateStrategy=ANY,
            ),
            cluster=_workload(
                enabled=SWITCH,
                replicas={"type": "integer", "minimum": 1},
                podDisruptionBudget=ANY,
                stateSize={"type": "string", "minLength": 1},
            ),
            priorityClass=_closed(
                create=SWITCH,
                name={"type": "string", "minLength": 1},
                value={"type": "integer", "maximum": 1_000_000_000},
            ),
            networkPolicy=_closed(enabled=SWITCH, metricsFrom=ANYS, egress=ANYS),
            podMonitor=monitor,
            serviceMonitor=monitor,
            grafana=_closed(
                dashboards=_closed(enabled=SWITCH, labels=TEXTS, annotations=TEXTS),
                provisioning=_closed(enabled=SWITCH),
            ),
            nameOverride=TEXT,
            fullnameOverride=TEXT,
            **{"global": ANY},  # helm's own: a chart above this one fills it
        ),
    }
    return json.dumps(page, indent=2) + "\n"
