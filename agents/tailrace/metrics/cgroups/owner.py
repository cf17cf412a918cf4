"""owner: one component of a control group's path in, the pod's uid or the container's id that it names out.

Every runtime, driver and distribution has a layout of its own (`kubepods/burstable/pod<uid>/<id>`,
`kubelet-kubepods-pod<uid>.slice/cri-containerd-<id>.scope`), so components are looked at one by one, never counted.
systemd's names have the uid's dashes as underscores. A static pod's uid is the digest of its manifest, 32 digits.
"""

from __future__ import annotations

import re

_UID = r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32}"
_POD = re.compile(rf"(?:^|-)pod({_UID})(?:\.slice)?(?::|$)")
_CONTAINER = re.compile(r"(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$")
_MONITOR = "conmon"  # CRI-O's and Podman's watchers have scopes with the id of what they watch


def pod_of(component: str) -> str | None:
    """The uid, with dashes, as the API has it (a static pod's: its hash)."""
    if "pod" not in component:
        return None
    found = _POD.search(component)
    return found.group(1).replace("_", "-") if found else None


def container_of(component: str) -> str | None:
    """The id, 64 hex digits.

    `kubepods-pod<uid>.slice:cri-containerd:<id>` names pod and container: kubelet and containerd disagree about who
    makes groups, and containerd took the kubelet's name for a systemd slice as the name of a folder.
    """
    if len(component) < 64:
        return None
    found = _CONTAINER.search(component)
    return found.group(1) if found and _MONITOR not in component else None
