"""What stands beside a line: its pod, its workload, labels, image; by what the API server said about the pod."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.node import LABELS, ZONE
from tests.e2e.story import Told
from tests.e2e.workloads import TEAM, WORKLOADS, WRITER


def rows_of(told: Told, columns: str) -> list[tuple[Any, ...]]:
    """The different values of these columns in lines of pods that wrote; pod_uid comes first."""
    return told.truth.ask(f"SELECT DISTINCT pod_uid, {columns} FROM lines WHERE pod_uid IN (FROM writers) ORDER BY ALL")


def test_each_line_has_its_pods_names(told: Told) -> None:
    found = rows_of(told, "cluster, node, namespace, pod")
    seen = {uid: pod["metadata"] for uid, pod in told.seen.pods.items()}
    wanted = [
        (uid, "e2e", "node-a", seen[uid]["namespace"], seen[uid]["name"])
        for uid in told.truth.writers()
        if uid not in told.silent
    ]
    assert found == sorted(wanted)


def test_no_line_is_without_metadata(told: Told) -> None:
    assert rows_of(told, "container, restart, meta_missing")
    assert [row for row in rows_of(told, "pod, container, restart, meta_missing") if row[-1]] == []


def test_each_line_has_its_pods_workload(told: Told) -> None:
    apps = {uid: pod["metadata"].get("labels", {}).get("app") for uid, pod in told.seen.pods.items()}
    for uid, kind, name in rows_of(told, "workload_kind, workload"):
        assert kind == WORKLOADS[apps[uid]]
        assert name == (told.seen.pods[uid]["metadata"]["name"] if apps[uid] == "long" else apps[uid])
    assert {apps[uid] for uid in told.truth.writers()} == set(WORKLOADS)


def test_each_line_has_its_pods_labels_the_chosen_annotation_and_the_nodes_zone(told: Told) -> None:
    for uid, text in rows_of(told, "labels"):
        about = told.seen.pods[uid]["metadata"]
        chosen = {f"annotation/{TEAM}": about["annotations"][TEAM]} if TEAM in about.get("annotations", {}) else {}
        assert json.loads(text) == {**about["labels"], **chosen, f"node/{ZONE}": LABELS[ZONE]}


def test_each_line_has_its_containers_image(told: Told) -> None:
    known = set[str]()
    for uid, container, image, image_id in rows_of(told, "container, image, image_id"):
        status = told.seen.pods[uid]["status"]
        (of,) = (
            s
            for s in (*status["containerStatuses"], *status.get("initContainerStatuses", ()))
            if s["name"] == container
        )
        assert image == of["image"] == WRITER
        assert image_id in (None, of["imageID"])  # the kubelet tells it a moment after the first lines
        known |= {uid} if image_id else set()
    assert set(told.seen.named("data", "noisy")) <= known


def test_a_pod_that_lived_for_a_second_has_its_labels(told: Told) -> None:
    (blip,) = told.seen.named("shop", "blip")
    ((lines, labelled),) = told.truth.ask(
        "SELECT count(*), count(*) FILTER (json_extract_string(labels, '$.lived') = 'a-second' AND NOT meta_missing)"
        f" FROM lines WHERE pod_uid = '{blip}'"
    )
    assert lines == labelled == 20
