"""standing: what is told of trouble, when, and how often."""

from __future__ import annotations

import logging

import pytest

from tailrace.kube.standing import PATIENCE, Standing
from tailrace.kube.trouble import Trouble

BROKEN = Trouble("unreachable", "the connection broke")
REFUSED = Trouble("forbidden", "may not list pods", "allow it")


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.standing = Standing("pods", "lines go without labels", lambda: self.now)


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO)
    return World()


def test_what_mends_by_itself_soon_is_no_news(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        world.standing.ill(BROKEN)
        world.now += PATIENCE - 1
        world.standing.ill(BROKEN)
        world.standing.well()
    assert not caplog.messages


def test_what_lasts_is_told_once_and_once_more_when_it_is_over(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.standing.well()
    for _ in range(100):
        world.standing.ill(BROKEN)
        world.now += 1
    assert caplog.messages == ["kube: the connection broke: lines go without labels; it is tried again"]
    assert world.standing.down_since == 100
    world.standing.well()
    world.standing.well()
    assert caplog.messages[1:] == ["kube: pods are known again, after 100 s of trouble"]
    assert world.standing.down_since is None


def test_a_refusal_of_the_first_request_is_told_at_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.standing.ill(REFUSED)
    world.standing.ill(REFUSED)
    assert caplog.messages == ["kube: may not list pods: lines go without labels; allow it"]


def test_a_refusal_by_an_api_server_that_just_came_back_is_told_if_it_lasts(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.standing.ill(BROKEN)
    world.now += 5
    world.standing.ill(REFUSED)
    world.now += PATIENCE - 1
    world.standing.ill(REFUSED)
    assert not caplog.messages
    world.now += 1
    world.standing.ill(REFUSED)
    assert len(caplog.messages) == 1


def test_another_refusal_is_news_and_another_failure_is_not(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.standing.ill(REFUSED)
    for trouble in (BROKEN, Trouble("dns", "no such name"), Trouble("forbidden", "may not watch pods", "allow it")):
        for _ in range(3):
            world.standing.ill(trouble)
            world.now += PATIENCE
    assert [text.split(":")[1].strip() for text in caplog.messages] == ["may not list pods", "may not watch pods"]
