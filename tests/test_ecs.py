"""ecs: who a container in a task of ECS is, by the task's metadata endpoint; and endpoints that don't say."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tailrace.config import Settings
from tailrace.ecs import Endpoint, Identity, endpoint, get, identity, placed
from tests.node import writer
from tests.servers.answering import LOST, Answer
from tests.servers.ecs import TASK, EcsDouble


def test_the_endpoint_is_where_the_environment_says_newest_first() -> None:
    four, three = {"ECS_CONTAINER_METADATA_URI_V4": "http://h/v4/x"}, {"ECS_CONTAINER_METADATA_URI": "http://h/v3/x/"}
    assert endpoint({**three, **four}) == Endpoint("http://h/v4/x/task", "http://h/v4/x/task/stats")
    assert endpoint(three) == Endpoint("http://h/v3/x/task", "http://h/v3/x/task/stats")
    old = endpoint({"AWS_EXECUTION_ENV": "AWS_ECS_EC2"})
    assert old == Endpoint("http://169.254.170.2/v2/metadata", "http://169.254.170.2/v2/stats")
    assert endpoint({"AWS_EXECUTION_ENV": "AWS_Lambda_python3.11"}) is None
    assert endpoint({}) is None


def test_on_fargate_the_task_is_the_node_and_on_ec2_the_host_is() -> None:
    with EcsDouble() as ecs:
        assert isinstance(ecs, EcsDouble)
        assert identity(ecs.environ()) == Identity("prod", TASK)
        assert identity(ecs.environ(3)) == Identity("prod", TASK)
        del ecs.task["LaunchType"]  # versions 2 and 3 have none
        assert identity({**ecs.environ(3), "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}) == Identity("prod", TASK)
        assert identity({**ecs.environ(3), "AWS_EXECUTION_ENV": "AWS_ECS_EC2"}) == Identity("prod", "")
        ecs.task["LaunchType"] = "EC2"
        ecs.task["Cluster"] = "prod"  # older agents give the name alone
        assert identity(ecs.environ()) == Identity("prod", "")
    assert identity({}) is None


def test_what_is_set_is_not_replaced_by_what_ecs_says() -> None:
    who = Identity("prod", TASK)
    unset, chosen = Settings(), Settings(cluster="mine", node="n1")
    assert (placed(unset, who, {}).cluster, placed(unset, who, {}).node) == ("prod", TASK)
    assert placed(chosen, who) == chosen
    assert placed(unset, who, {"NODE_NAME": "n2"}).node == "n2"
    assert placed(unset, Identity("prod", ""), {}).node == ""
    assert placed(unset, None) is unset


def test_an_endpoint_that_throttles_is_asked_again_a_second_later() -> None:
    slept: list[float] = []
    with EcsDouble() as ecs:
        ecs.faults.extend([Answer(429, b"rate exceeded"), LOST])
        assert identity(ecs.environ(), sleep=slept.append) == Identity("prod", TASK)
    assert slept == [1.0, 1.0]


def test_an_endpoint_that_never_says_is_told_of_and_costs_the_names_alone(caplog: pytest.LogCaptureFixture) -> None:
    with EcsDouble() as ecs:
        ecs.faults.extend([Answer(500, b"no state yet"), Answer(200, b"<html>"), Answer(200, b'{"Family":"web"}')])
        assert identity(ecs.environ(), sleep=lambda _: None) is None
    assert "ECS does not say which task this is" in caplog.text
    assert "set cluster and node" in caplog.text


@pytest.mark.parametrize("url", ["https://169.254.170.2/v4", "file:///etc/passwd", "http:///x", "v4"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address of ECS"):
        get(url)


def _drips(connection: socket.socket) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.02)
    except OSError:
        return


def _cut(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    connection.close()


def _noise(connection: socket.socket) -> None:
    connection.sendall(b"\x00\x01\x02\r\n\r\n")
    connection.close()


@pytest.mark.parametrize("behave", [_drips, _cut, _noise, lambda _: None], ids=["drips", "cut", "noise", "silent"])
def test_no_server_holds_us_for_longer_than_its_time(behave: Callable[[socket.socket], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            connection, _ = server.accept()
            held.append(connection)
            connection.recv(1000)
            behave(connection)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(OSError, match=r".*"):
            get(f"http://127.0.0.1:{server.getsockname()[1]}/task", seconds=0.3)
        for connection in held:
            connection.close()


def test_lines_of_an_agent_on_fargate_are_the_tasks(tmp_path: Path) -> None:
    writer(tmp_path / "root").records(["one", "two"])
    words = ("--root", tmp_path / "root", "--lake", tmp_path / "lake", "--state", tmp_path / "state", "--once")
    with EcsDouble() as ecs:
        assert isinstance(ecs, EcsDouble)
        subprocess.run(
            [sys.executable, "-m", "tailrace", "run", "logs", *map(str, words)],
            env={**os.environ, **ecs.environ()}, check=True, timeout=60,
        )  # fmt: skip
    (file,) = (tmp_path / "lake" / "logs").rglob("*.parquet")
    rows = pq.ParquetFile(file).read(["cluster", "node"]).to_pylist()
    assert rows == [{"cluster": "prod", "node": TASK}] * 2
