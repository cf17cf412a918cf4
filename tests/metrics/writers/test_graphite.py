"""graphite: what a real carbon cache was sent it has, under names that it and people can use."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.delivery.refusal import Refused
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.graphite import GraphiteSettings, GraphiteWriter
from tests.metrics.writers.made import PLACE, WEB, family, look
from tests.servers import graphite
from tests.servers.parts import free_port, need

AT = time.time() // 60 * 60 - 600  # carbon keeps an hour
TAGGED = "node_cpu_seconds_total;cluster=c1;cpu=0;mode=user;node=n1"
PATH = "tailrace.c1.n1.node_cpu_seconds_total.0.user"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[graphite.Graphite]:
    need(graphite.found(), "carbon-cache")
    with graphite.Graphite(tmp_path_factory.mktemp("graphite")) as server:
        yield server


def writer_of(port: int, **settings: str) -> GraphiteWriter:
    return GraphiteWriter.open(GraphiteSettings(address=f"127.0.0.1:{port}", **settings), PLACE)  # type: ignore[arg-type]


def arrived(server: graphite.Graphite, series: str, count: int, seconds: float = 60.0) -> list[tuple[int, float]]:
    """The series' points, as soon as there are so many."""
    end = time.monotonic() + seconds
    while len(points := server.points(series)) < count and time.monotonic() < end:
        time.sleep(0.02)
    return points


def lines(writer: GraphiteWriter) -> list[str]:
    """What one look is as text."""
    (payload,) = writer.encode(look(), AT)
    return zlib.decompress(payload.body).decode().splitlines()


@pytest.mark.parametrize(("form", "series"), [("tags", TAGGED), ("path", PATH)])
def test_a_real_carbon_has_each_look_s_point_of_a_series(server: graphite.Graphite, form: str, series: str) -> None:
    writer = writer_of(server.port, form=form)
    writer.write(look(), AT)
    writer.write(look(5.0), AT + 60.7)
    assert arrived(server, series, 2) == [(int(AT), 20.25), (int(AT) + 60, 25.25)]
    assert (writer.counters.samples, writer.waiting) == (10, 0)
    writer.close()


def test_what_names_a_series_holds_nothing_that_ends_it() -> None:
    stamp = f" {int(AT)}"
    assert lines(writer_of(1)) == [
        f"node_load1;cluster=c1;node=n1 0.75{stamp}",
        f"node_cpu_seconds_total;cluster=c1;cpu=0;mode=idle;node=n1 1000.5{stamp}",
        f"{TAGGED} 20.25{stamp}",
        # A container's id and image change with each restart, and each change would be a new file of carbon's.
        f"container_cpu_usage_seconds_total;cluster=c1;container=app;cpu=total;namespace=shop;node=n1;pod={WEB['pod']}"
        f" 7.5{stamp}",
        f'node_info;cluster=c1;more=é_x;node=n1;path=a_b,c="d"\\ 1.0{stamp}',
    ]
    assert lines(writer_of(1, form="path", prefix="top.metrics")) == [
        f"top.metrics.c1.n1.node_load1 0.75{stamp}",
        f"top.metrics.c1.n1.node_cpu_seconds_total.0.idle 1000.5{stamp}",
        f"top.metrics.c1.n1.node_cpu_seconds_total.0.user 20.25{stamp}",
        f"top.metrics.c1.n1.container_cpu_usage_seconds_total.app.total.shop.{WEB['pod']} 7.5{stamp}",
        f"top.metrics.c1.n1.node_info._._x.a_b_c_d_ 1.0{stamp}",
    ]


def test_a_carbon_that_goes_and_comes_again_gets_what_waited(tmp_path: Path) -> None:
    need(graphite.found(), "carbon-cache")
    with graphite.Graphite(tmp_path) as first:
        writer = writer_of(first.port)
        writer.write(look(), AT)
        assert arrived(first, TAGGED, 1)
        first.kill()
        with pytest.raises(Refused, match="can't be reached") as caught:
            writer.write(look(1.0), AT + 60)
    assert caught.value.reason == "unreachable"
    again = graphite.Graphite(tmp_path)
    writer._address = ("127.0.0.1", again.port)
    with again:
        writer.write(look(2.0), AT + 120)
        points = arrived(again, TAGGED, 3)
    assert points == [(int(AT), 20.25), (int(AT) + 60, 21.25), (int(AT) + 120, 22.25)]


@pytest.mark.parametrize("form", ["tags", "path"])
def test_groups_of_no_pod_a_pod_and_its_sandbox_are_told_apart(form: str) -> None:
    groups = [
        Labels(WEB, container="", id="/a", image="", name="", namespace="", pod=""),
        Labels(WEB, container="", id="/b", image="", name="", namespace="", pod=""),
        Labels(WEB, container="", id="/kubepods/pod1", image="", name=""),
        Labels(WEB, container="", id="/kubepods/pod1/s", image="pause", name="s"),
        WEB,
    ]
    rss = family("container_memory_rss", "gauge", *((labels, 1.0) for labels in groups))
    (payload,) = writer_of(1, form=form).encode([rss], AT)
    names = {line.split()[0] for line in zlib.decompress(payload.body).decode().splitlines()}
    assert len(names) == 5


@pytest.mark.parametrize(
    "settings", [{}, {"address": "host"}, {"address": "host:0"}, {"address": "h:1", "prefix": "a b"}]
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"(address|prefix) of writer graphite"):
        GraphiteWriter.open(GraphiteSettings(**settings), PLACE)  # type: ignore[arg-type]


def test_an_address_where_nobody_listens_is_named() -> None:
    writer = writer_of(port := free_port())
    with pytest.raises(Refused, match=f"127.0.0.1:{port} can't be reached"):
        writer.write(look(), AT)
    assert writer.waiting > 0
