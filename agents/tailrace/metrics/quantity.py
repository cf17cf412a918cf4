"""quantity: how much of a resource Kubernetes writes (`100m`, `64Mi`) in, a number and its unit out.

The API rounds up what it can't hold, a CPU to a thousandth and anything else to a whole number; so do we, or sums of
requests would not be those that the scheduler counts with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal

Unit = Literal["core", "byte", "integer"]
Amount = str | int | float  # the API writes text; manifests may hold numbers

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d{1,2}|[KMGTPE]i|[numkMGTPE])?", re.ASCII)
_DECIMAL = dict(zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True))
_BINARY: dict[str, int] = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_BYTES = ("memory", "storage", "ephemeral-storage")
_NOT_OF_A_NAME = re.compile("[^a-zA-Z0-9_]")


def quantity(written: Amount) -> Decimal:
    """The number. Raises ValueError if it is none."""
    text = str(written)
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no quantity of Kubernetes")
    number: Decimal = Decimal(found.group(1))
    suffix: str = found.group(2) or ""
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    if suffix in _DECIMAL:
        return number.scaleb(_DECIMAL[suffix])
    return number.scaleb(int(suffix[1:])) if suffix else number


def cores(written: Amount) -> float:
    """CPUs, up to a thousandth of one. Raises ValueError."""
    return math.ceil(quantity(written) * 1000) / 1000


def whole(written: Amount) -> float:
    """Bytes, pods, devices. Raises ValueError."""
    return float(math.ceil(quantity(written)))


def unit_of(resource: str) -> Unit | None:
    """The unit of a container's or node's resource; None for one that kube-state-metrics passes over, too."""
    if resource == "cpu":
        return "core"
    if resource in _BYTES or resource.startswith(("hugepages-", "attachable-volumes-")):
        return "byte"
    domain, slash, _ = resource.rpartition("/")
    if resource == "pods" or (slash and "kubernetes.io" not in domain and not resource.startswith("requests.")):
        return "integer"
    return None


def amounts(resources: Mapping[str, Amount] | None) -> Iterator[tuple[str, Unit, float]]:
    """Each resource as a label's value has it (`nvidia_com_gpu`), its unit and how much; in order of names.

    What is no quantity is passed over: it costs this one sample.
    """
    for name, written in sorted((resources or {}).items()):
        if (unit := unit_of(name)) is None:
            continue
        try:
            much = cores(written) if unit == "core" else whole(written)
        except ValueError:
            continue
        yield _NOT_OF_A_NAME.sub("_", name), unit, much
