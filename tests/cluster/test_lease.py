"""lease: never two at once, whatever fails when; and the position goes from one holder to the next."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.cluster.lease import POSITION, Lease
from tailrace.kube.trouble import Trouble

SECONDS = 15.0


class Api:
    """One Lease as the API server keeps it, and the time. fails: what becomes of the next request."""

    def __init__(self) -> None:
        self.now, self.version = 0.0, 0
        self.lease: dict[str, Any] | None = None
        self.fails = ""

    def open(self, path: str, query: object, *, method: str, body: bytes | None, **_: object) -> Any:  # noqa: ARG002
        fails, self.fails = self.fails, ""
        if fails == "unasked":
            raise Trouble("unreachable", "no connection")
        if method == "GET":
            if self.lease is None:
                raise Trouble("missing", "404")
        else:
            assert body is not None
            self._write(method, json.loads(body))
        if fails == "unanswered":
            raise Trouble("timeout", "no answer")
        return nullcontext([json.dumps(self.lease).encode()])

    def _write(self, method: str, lease: dict[str, Any]) -> None:
        if method == "POST" and self.lease is not None:
            raise Trouble("conflict", "409")
        if method == "PUT" and lease["metadata"].get("resourceVersion") != str(self.version):
            raise Trouble("conflict", "409")
        self.version += 1
        lease["metadata"]["resourceVersion"] = str(self.version)
        self.lease = lease

    def candidate(self, name: str) -> Lease:
        access: Any = self
        return Lease(access, "tailrace", "cluster", name, SECONDS, lambda: self.now)


def attempt(lease: Lease) -> None:
    """As its thread does it."""
    try:
        lease.attempt()
    except Trouble as trouble:
        if trouble.reason == "conflict":
            lease._known = None


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.sampled_from((1.0, 9.0, SECONDS))),
            st.tuples(st.sampled_from(("a", "b")), st.sampled_from(("", "", "unasked", "unanswered"))),
        ),
        max_size=60,
    )
)
def test_never_two_hold_it_whatever_fails(steps: list[tuple[str, Any]]) -> None:
    api = Api()
    leases = {name: api.candidate(name) for name in "ab"}
    for what, how in steps:
        if what == "wait":
            api.now += how
        else:
            api.fails = how
            attempt(leases[what])
        assert sum(lease.held for lease in leases.values()) <= 1


def test_a_holder_that_can_not_renew_stops_before_another_begins() -> None:
    api = Api()
    one, other = api.candidate("one"), api.candidate("other")
    attempt(one)
    attempt(other)
    assert (one.held, other.held) == (True, False)
    api.now += 9.9
    assert one.held
    api.now += 0.2
    attempt(other)
    assert (one.held, other.held) == (False, False)
    api.now += 5
    attempt(other)
    assert other.held
    assert api.lease is not None
    assert api.lease["spec"]["leaseTransitions"] == 1


def test_who_renews_keeps_it() -> None:
    api = Api()
    one, other = api.candidate("one"), api.candidate("other")
    for _ in range(20):
        attempt(one)
        attempt(other)
        api.now += 5
        assert (one.held, other.held) == (True, False)


def test_one_that_is_given_back_is_taken_at_once_with_its_position() -> None:
    api = Api()
    one, other = api.candidate("one"), api.candidate("other")
    attempt(one)
    attempt(other)
    one.position = {"events": 7}
    one.stop()
    assert not one.held
    attempt(other)
    assert other.held
    assert other.found == {"events": 7}
    attempt(other)  # it has no position of its own yet: the one it found stays
    assert api.lease is not None
    assert json.loads(api.lease["metadata"]["annotations"][POSITION]) == {"events": 7}


@pytest.mark.parametrize("written", ["", "{", "null"])
def test_an_annotation_that_is_damaged_is_none(written: str) -> None:
    api = Api()
    one = api.candidate("one")
    api.lease = {"metadata": {"resourceVersion": "0", "annotations": {POSITION: written}}, "spec": None}
    attempt(one)
    assert (one.held, one.found) == (True, None)
