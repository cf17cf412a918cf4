"""pod: what is kept of a pod's JSON, and what not."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from tailrace.metrics.node import decode_node
from tailrace.metrics.pod import decode_pod
from tests.metrics.kubelet import bodies


def big(body: dict[str, Any], number: int) -> bytes:
    """The pod as charts make them: with forty variables, long annotations and managed fields."""
    copy = json.loads(json.dumps(body))
    copy["metadata"] |= {
        "name": f"web-{number}", "uid": f"uid-{number}",
        "annotations": {f"example.com/{n}": "x" * 400 for n in range(30)},
        "managedFields": [{"fieldsV1": {f"f:{n}": {"v": "y" * 50} for n in range(100)}}],
    }  # fmt: skip
    for one in copy["spec"]["containers"]:
        one["env"] = [{"name": f"SETTING_{n}", "value": "z" * 200} for n in range(40)]
    return json.dumps(copy).encode()


def test_of_a_pod_of_44_kb_a_few_are_kept() -> None:
    items = json.loads(bodies()["pods.json"])["items"]
    web = next(item for item in items if item["metadata"]["name"].startswith("web-"))
    raw = [big(web, number) for number in range(100)]
    assert min(map(len, raw)) > 40_000
    decode_pod(raw[0])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        pods = [decode_pod(one) for one in raw]
        each = (tracemalloc.get_traced_memory()[0] - before) / len(pods)
    finally:
        tracemalloc.stop()
    assert each < 10_000, f"{each:.0f} bytes a pod"
    assert pods[7].name == "web-7"
    assert pods[7].metadata.annotations is None


def test_every_pod_of_the_captured_node_is_read_from_both_sides() -> None:
    api = {pod.uid: pod for pod in map(decode_pod, _items("pods.json"))}
    kubelet = {pod.uid: pod for pod in map(decode_pod, _items("kubelet.pods.json"))}
    assert len(api.keys() & kubelet.keys()) > 20
    for uid in api.keys() & kubelet.keys():
        assert api[uid].name == kubelet[uid].name
    ids = {c.id for pod in api.values() for c in pod.statuses() if c.id}
    assert all(len(id) == 64 for id in ids)
    some = next(pod for pod in api.values() if pod.name.startswith("api-"))
    assert [c.name for c in some.statuses()] == ["api", "mesh-proxy"]
    assert some.container("ab93cc1935633776cc80e2247770d291858ae310796cb09f53e2a68ad833304e") in [*some.statuses()]
    assert some.container("0" * 64) is None


@pytest.mark.parametrize("body", [b"{}", b'{"metadata":{"name":7}}', b"[]", b"", b'{"metadata":', b'{"metadata":null}'])
def test_what_is_no_pod_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_pod(body)


def test_of_a_node_its_images_are_not_kept() -> None:
    node = decode_node(_items("nodes.json")[0])
    assert node.status.nodeInfo.kubeletVersion == "v1.34.4"
    assert "images" not in msgspec.json.encode(node).decode()


def _items(name: str) -> list[bytes]:
    return [json.dumps(item).encode() for item in json.loads(bodies()[name])["items"]]
