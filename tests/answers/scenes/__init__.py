"""scenes: one module a topic, in the order of SCENES."""

from tests.answers.scene import Scene
from tests.answers.scenes import (
    audit,
    capacity,
    crashes,
    errors,
    latency,
    noisy,
    rollouts,
    security,
    shop,
    slo,
    traces,
    traffic,
    volume,
)

SCENES: tuple[Scene, ...] = (
    shop.SCENE,
    errors.SCENE,
    latency.SCENE,
    traffic.SCENE,
    traces.SCENE,
    slo.SCENE,
    crashes.SCENE,
    noisy.SCENE,
    capacity.SCENE,
    rollouts.SCENE,
    volume.SCENE,
    security.SCENE,
    audit.SCENE,
)
