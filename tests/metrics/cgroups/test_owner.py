"""owner: whose group a path's component names, whatever runtime and driver made it."""

from __future__ import annotations

import pytest

from tailrace.metrics.cgroups.owner import container_of, pod_of

UID = "90da818e-f91d-4da3-96bb-af6f0d1fb6da"
STATIC = "bf8ec6ca3228d50f7a368c7e38c2defd"
ID = "3fd5a2d7e9eee9e17e37ca46cb4983eac1cc0698e76e10137c0a1cda3aeee837"


@pytest.mark.parametrize(
    ("component", "uid"),
    [
        (f"pod{UID}", UID),
        (f"pod{STATIC}", STATIC),
        ("kubepods-pod90da818e_f91d_4da3_96bb_af6f0d1fb6da.slice", UID),
        ("kubepods-burstable-pod90da818e_f91d_4da3_96bb_af6f0d1fb6da.slice", UID),
        ("kubelet-kubepods-besteffort-pod90da818e_f91d_4da3_96bb_af6f0d1fb6da.slice", UID),
        (f"kubepods-burstable-pod{STATIC}.slice", STATIC),
        (f"kubepods-burstable-pod90da818e_f91d_4da3_96bb_af6f0d1fb6da.slice:cri-containerd:{ID}", UID),
        (f"pod{UID}x", None),
        (f"tripod{UID}", None),
        ("podman.slice", None),
        ("kubepods.slice", None),
        ("pod", None),
    ],
)
def test_a_pods_uid_is_found_in_every_layout(component: str, uid: str | None) -> None:
    assert pod_of(component) == uid


@pytest.mark.parametrize(
    ("component", "id"),
    [
        (ID, ID),
        (f"cri-containerd-{ID}.scope", ID),
        (f"crio-{ID}.scope", ID),
        (f"crio-{ID}", ID),
        (f"docker-{ID}.scope", ID),
        (f"libpod-{ID}.scope", ID),
        (f"kubepods-burstable-pod90da818e_f91d_4da3_96bb_af6f0d1fb6da.slice:cri-containerd:{ID}", ID),
        (f"crio-conmon-{ID}.scope", None),
        (f"libpod-conmon-{ID}.scope", None),
        (f"{ID}0", None),
        (ID[:-1], None),
        (ID.upper(), None),
        (f"var-lib-containers-{ID}.mount", None),
        (f"pod{UID}", None),
    ],
)
def test_a_containers_id_is_found_in_every_layout_and_its_monitor_is_none(component: str, id: str | None) -> None:
    assert container_of(component) == id
