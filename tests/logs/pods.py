"""pods: what a test knows of a node's pods, as kube.metadata knows it of a real one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FakePod:
    workload_kind: str | None = "Deployment"
    workload: str | None = "web"
    labels: str = '{"app":"web"}'
    images: Mapping[str, tuple[str, str]] = field(default_factory=lambda: {"app": ("web:1", "sha256:1")})


class FakePods:
    """Knows what it was told; an unknown pod's lines wait until `patience` (monotonic seconds)."""

    def __init__(self, patience: float = 0.0, **known: FakePod) -> None:
        self.known, self.patience, self.version = dict(known), patience, 0
        self.kept: Collection[str] = ()
        self.annotations: dict[str, dict[str, str]] = {}

    def of(self, uid: str) -> FakePod | None:
        return self.known.get(uid)

    def learn(self, uid: str, pod: FakePod) -> None:
        self.known[uid] = pod
        self.version += 1

    def steer(self, uid: str, **annotations: str) -> None:
        self.annotations[uid] = annotations
        self.version += 1

    def steering(self, uid: str, namespace: str) -> Mapping[str, str]:
        return {**self.annotations.get(namespace, {}), **self.annotations.get(uid, {})}

    def waits(self, uid: str, now: float, namespace: str) -> bool:  # noqa: ARG002
        return uid not in self.known and now < self.patience

    def keep(self, uids: Collection[str]) -> None:
        self.kept = set(uids)

    def figures(self) -> dict[str, dict[tuple[str, ...], float]]:
        return {}
