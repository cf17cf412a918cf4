"""Grafana's pages and provisioning in the chart: off by default; on, they are what the repository has.

That an API server and kubeconform take them is tested with everything else that values can turn on.
"""

from __future__ import annotations

import json
from typing import Any

from dashboards.grafana import PROVISIONING
from dashboards.grafana.boards import BOARDS
from tests.daemonset.helm import refusal, rendered
from tests.dashboards import shown

MIB = 1 << 20
CONFIG = {"sink": "s3", "lake": "s3://my-lake/prod"}


def maps(**grafana: Any) -> list[dict[str, Any]]:
    """The ConfigMaps of Grafana, as helm makes them."""
    objects = rendered(values={"config": CONFIG, "grafana": grafana})
    of = "app.kubernetes.io/component"
    return [o for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["labels"].get(of) == "grafana"]


def test_nothing_of_grafana_is_installed_unasked() -> None:
    assert maps() == []


def test_each_page_is_a_config_map_that_the_sidecar_finds() -> None:
    made = maps(dashboards={"enabled": True, "annotations": {"grafana_folder": "tailrace"}})
    pages = {}
    for each in made:
        meta = each["metadata"]
        assert meta["labels"]["grafana_dashboard"] == "1"
        assert meta["labels"]["app.kubernetes.io/component"] == "grafana"
        assert meta["annotations"] == {"grafana_folder": "tailrace"}
        ((file, text),) = each["data"].items()
        assert len(json.dumps(each)) < MIB
        assert meta["name"] == file.removesuffix(".json")
        pages[file.removeprefix("tailrace-").removesuffix(".json")] = json.loads(text)
    assert pages == {board.name: shown.page(shown.FOLDER / f"{board.name}.json") for board in BOARDS}


def test_a_label_of_the_users_own_stands_in_for_the_usual_one() -> None:
    made = maps(dashboards={"enabled": True, "labels": {"grafana_dashboard": None, "my_grafana": "yes"}})
    assert len(made) == len(BOARDS)
    assert all(each["metadata"]["labels"]["my_grafana"] == "yes" for each in made)


def test_provisioning_is_one_config_map_with_the_repository_s_files() -> None:
    (made,) = maps(provisioning={"enabled": True})
    assert made["data"] == {file.name: file.read_text() for file in PROVISIONING.glob("*/*.yaml")}
    assert len(made["data"]) == 4


def test_a_value_that_is_none_is_refused() -> None:
    said = refusal({"config": CONFIG, "grafana": {"dashboard": {"enabled": True}}})
    assert "at '/grafana': additional properties 'dashboard' not allowed" in said
