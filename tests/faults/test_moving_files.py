"""A restart just while the kubelet renames or packs what it looks for: not to be found is not to be gone."""

from __future__ import annotations

from pathlib import Path

from tests.faults.points import Node, small_node
from tests.faults.strace import CHANGES, need_strace, run_traced
from tests.logs.live import Live


def leave_an_intent(node: Node, link: int) -> None:
    """Kill an agent at its link number `link`: one that it made an intent for and did not store."""
    need_strace()
    code, _ = run_traced(node.world, CHANGES, inject=f"link:signal=SIGKILL:when={link}")
    assert code == -9
    intents = {path.stem for path in (node.world.settings().state / "sinks/local/intents").glob("*.intent")}
    assert intents - {path.stem for path in node.world.lake.glob("logs/*/*/*.parquet")}, "no intent without an object"


def restart_without(node: Node, path: Path) -> list[str]:
    """What is wrong after a restart that does not find `path` the first time that it looks."""
    hidden = node.world.folder / "in-between"
    path.rename(hidden)
    agent = Live(node.world)
    agent.tick()
    hidden.rename(path)
    agent.tick(times=5)
    assert agent.stop() == 0
    return node.finish()


def test_a_file_that_is_being_renamed_when_its_object_is_to_be_built_again_is_not_given_up(tmp_path: Path) -> None:
    node = small_node(tmp_path)
    leave_an_intent(node, link=1)
    assert restart_without(node, node.pods[1].path) == []


def test_a_committed_file_that_is_being_packed_while_another_is_built_again_is_not_read_again(tmp_path: Path) -> None:
    node = small_node(tmp_path)
    assert node.world.run() == 0
    for pod in node.pods:
        pod.write(pod.records(30))
    leave_an_intent(node, link=2)  # the first is the checkpoint's
    assert restart_without(node, min(node.pods[0].folder.glob("*.gz"))) == []
