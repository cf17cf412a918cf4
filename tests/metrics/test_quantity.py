"""quantity: what Kubernetes writes of resources to numbers and units."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.metrics.quantity import amounts, cores, quantity, unit_of, whole


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", "0"), ("1", "1"), ("100m", "0.1"), ("64Mi", "67108864"), ("1.5Gi", "1610612736"), ("2k", "2000"),
        ("12E", "12000000000000000000"), ("12E6", "12000000"), ("1e3", "1000"), ("1e-3", "0.001"), (".5", "0.5"),
        ("5.", "5"), ("-1", "-1"), ("+3Ki", "3072"), ("250n", "0.00000025"), ("7u", "0.000007"), (4, "4"), (0.5, "0.5"),
        ("1Ei", "1152921504606846976"),
    ],
)  # fmt: skip
def test_a_quantity_is_read_in_every_form_that_the_api_writes(written: str, number: str) -> None:
    assert quantity(written) == Decimal(number)


@pytest.mark.parametrize("written", ["", "m", "1mi", "1 Mi", "0x10", "1Kib", "nan", "inf", "1e999", "--1", "1e", "٣"])
def test_what_is_no_quantity_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        whole(written)


@given(st.integers(0, 10**9))
def test_thousandths_of_a_cpu_are_what_they_are(milli: int) -> None:
    assert cores(f"{milli}m") == milli / 1000


def test_what_is_finer_is_rounded_up_as_the_scheduler_does() -> None:
    assert cores("100u") == 0.001
    assert cores("1.0001") == 1.001
    assert whole("1500m") == 2.0
    assert whole("1.5") == 2.0


@pytest.mark.parametrize(
    ("resource", "unit"),
    [
        ("cpu", "core"), ("memory", "byte"), ("ephemeral-storage", "byte"), ("storage", "byte"), ("pods", "integer"),
        ("hugepages-2Mi", "byte"), ("attachable-volumes-aws-ebs", "byte"), ("nvidia.com/gpu", "integer"),
        ("kubernetes.io/batteries", None), ("requests.nvidia.com/gpu", None), ("services", None),
    ],
)  # fmt: skip
def test_a_resource_has_one_unit_or_is_passed_over(resource: str, unit: str | None) -> None:
    assert unit_of(resource) == unit


def test_amounts_have_names_that_labels_may_have_and_garbage_costs_itself_alone() -> None:
    resources = {"nvidia.com/gpu": "2", "memory": "1Gi", "hugepages-1Gi": "what", "cpu": 1}
    assert list(amounts(resources)) == [
        ("cpu", "core", 1.0), ("memory", "byte", 1073741824.0), ("nvidia_com_gpu", "integer", 2.0),
    ]  # fmt: skip
    assert list(amounts(None)) == []
