"""openapi: an API server's own description of its objects in, the JSON schemas that kubeconform reads out.

kubeconform looks for `<kind>[-<first word of the group>]-<version>.json`. The schemas are strict: a key that the API
server does not know is an error here, which the API server itself only warns of.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.servers.kubernetes import Kubernetes

_POINTS_TO = re.compile(r'"#/definitions/([^"]+)"')
# Types whose JSON is more than one type; the description calls them strings.
_LOOSE = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ["string", "integer"],
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ["string", "number"],
}


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    strict = {key: _strict(each) for key, each in node.items()}
    if isinstance(strict.get("properties"), dict):
        strict.setdefault("additionalProperties", False)
    return strict


def write_schemas(server: Kubernetes, folder: Path) -> int:
    """A file for each kind that the server knows; how many."""
    definitions = _strict(server.get("/openapi/v2")["definitions"])
    definitions |= {name: {"type": kinds} for name, kinds in _LOOSE.items()}
    points = {name: set(_POINTS_TO.findall(json.dumps(body))) for name, body in definitions.items()}
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for name, body in definitions.items():
        for kind in body.get("x-kubernetes-group-version-kind", ()):
            if name.startswith("io.k8s.apimachinery"):
                continue  # DeleteOptions and its like, once for every group
            words = [kind["kind"], kind["group"].split(".")[0], kind["version"]]
            needed = {each: definitions[each] for each in _reached(name, points)}
            file = folder / ("-".join(word for word in words if word).lower() + ".json")
            file.write_text(json.dumps({**body, "definitions": needed}))
            written += 1
    return written


def _reached(name: str, points: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    left = [name]
    while left:
        new = points[left.pop()] - reached
        reached |= new
        left += new
    return reached
