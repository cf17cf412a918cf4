"""metadata: what the log half is answered, and when its lines wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.kube.known import Known
from tailrace.kube.metadata import Metadata
from tailrace.kube.pod import Namespace, Pod
from tailrace.kube.settings import KubeSettings
from tailrace.kube.trouble import Trouble
from tailrace.kube.upkeep import Upkeep

BROKEN = Trouble("unreachable", "the connection broke")


def pod(uid: str, namespace: str = "shop", **steering: str) -> Pod:
    return Pod(uid, namespace, f"pod-{uid}", "n1", "Pod", f"pod-{uid}", "{}", {}, steering)


class World:
    """Metadata that asks nobody: a test says what is known, what fails, and what time it is."""

    def __init__(self, folder: Path, node_labels: tuple[str, ...] = ()) -> None:
        settings = KubeSettings("n1", folder, "api", kubeconfig=str(folder / "none"), wait=5.0, node_labels=node_labels)
        self.now, self.known = 100.0, Known()
        self.upkeep = Upkeep(settings, self.known, clock=self.clock)
        self.metadata = Metadata(settings, self.clock, self.upkeep, self.known)

    def clock(self) -> float:
        return self.now

    def waits(self, uid: str, namespace: str = "") -> bool:
        return self.metadata.waits(uid, self.now, namespace)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One whose API server answers."""
    world = World(tmp_path)
    world.upkeep.pods.well()
    world.upkeep.namespaces.well()
    return world


def test_lines_of_an_unknown_pod_wait_so_long_and_never_again(world: World) -> None:
    assert world.waits("a")
    world.now += 4.9
    assert world.waits("a")
    assert world.waits("b")
    world.now += 0.1
    assert not world.waits("a")
    assert world.waits("b")  # each from when it was first asked for
    world.now += 100
    assert not world.waits("a")
    assert world.metadata.missing["given_up"] == 1


def test_lines_of_a_pod_that_is_known_do_not_wait(world: World) -> None:
    assert world.waits("a")
    version = world.metadata.version
    world.known.pod_changed(pod("a"))
    assert world.metadata.version > version
    assert not world.waits("a")
    assert world.metadata.of("a") == pod("a")
    world.metadata.keep(["a"])
    assert world.metadata.missing == {"waiting": 0, "given_up": 0}


def test_nothing_waits_while_the_api_server_has_been_away_for_longer(world: World) -> None:
    world.upkeep.pods.ill(BROKEN)
    assert world.waits("a")  # it may be back at once
    world.now += 5
    assert not world.waits("b")
    world.upkeep.pods.well()
    assert world.waits("c")
    world.known.pod_changed(pod("b"))
    assert world.metadata.of("b")  # a later line of it has what is known by then


def test_the_chance_by_which_the_first_request_is_put_off_does_not_count(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.upkeep.begins = world.now + 8
    assert world.waits("a")
    world.now += 12.9
    assert world.waits("a")
    world.now += 0.1
    assert not world.waits("a")
    other = World(tmp_path)
    other.upkeep.begins = other.now + 8
    assert other.waits("a")
    other.upkeep.pods.ill(BROKEN)  # asked sooner than thought, in vain
    other.now += 5
    assert not other.waits("a")


def test_lines_wait_for_what_their_namespace_says_unless_it_can_not_be_asked(world: World) -> None:
    world.known.pod_changed(pod("a"))
    assert world.waits("a", "shop")
    world.known.namespace_changed(Namespace("shop", {"sample": "0.1"}))
    assert not world.waits("a", "shop")
    world.known.pod_changed(pod("b", "other"))
    world.upkeep.namespaces.ill(Trouble("unreachable", "the API server is late"))
    assert world.waits("b", "other")


def test_a_refusal_to_list_namespaces_is_believed_only_when_it_comes_again_after_a_moment(world: World) -> None:
    world.known.pod_changed(pod("b", "other"))
    world.upkeep.namespaces.ill(Trouble("forbidden", "may not list namespaces"))
    assert world.waits("b", "other")  # a server that has just started refuses everybody
    world.now += 3
    assert world.waits("b", "other")
    world.upkeep.namespaces.ill(Trouble("forbidden", "may not list namespaces"))
    assert not world.waits("b", "other")


def test_a_refusal_from_before_pods_were_answered_is_not_believed(world: World) -> None:
    refusal = Trouble("forbidden", "may not list anything")
    world.known.pod_changed(pod("b", "other"))
    world.upkeep.pods.ill(refusal)
    for _ in range(3):  # the server starts slowly
        world.now += 3
        world.upkeep.namespaces.ill(refusal)
    world.upkeep.pods.well()
    assert world.waits("b", "other")
    world.now += 2.9
    world.upkeep.namespaces.ill(refusal)
    assert world.waits("b", "other")
    world.now += 0.1
    world.upkeep.namespaces.ill(refusal)
    assert not world.waits("b", "other")


def test_a_refusal_after_an_outage_is_believed_as_late_as_any(world: World) -> None:
    world.upkeep.namespaces.ill(BROKEN)
    world.now += 10
    world.known.pod_changed(pod("b", "other"))
    world.upkeep.namespaces.ill(Trouble("forbidden", "may not list namespaces"))
    assert world.waits("b", "other")
    world.now += 2.9
    world.upkeep.namespaces.ill(Trouble("forbidden", "may not list namespaces"))
    assert world.waits("b", "other")
    world.now += 0.1
    world.upkeep.namespaces.ill(Trouble("forbidden", "may not list namespaces"))
    assert not world.waits("b", "other")


def test_lines_wait_for_the_labels_of_their_node_unless_they_can_not_be_asked(tmp_path: Path) -> None:
    world = World(tmp_path, ("zone",))
    world.upkeep.pods.well()
    world.known.pod_changed(pod("a"))
    world.known.namespace_changed(Namespace("shop", {}))
    assert world.waits("a", "shop")
    world.upkeep.labels.ill(Trouble("forbidden", "may not get nodes"))
    assert not world.waits("a", "shop")
    world.upkeep.labels.well()
    assert not world.waits("a", "shop")


def test_who_is_asked_for_is_forgotten_with_its_files(world: World) -> None:
    for uid in ("a", "b"):
        world.waits(uid)
    world.now += 5
    assert not world.waits("a")
    world.metadata.keep({"b"})
    assert world.metadata.missing == {"waiting": 1, "given_up": 1}
    assert world.waits("a")  # its files came back: a new question


def test_the_pods_annotations_lie_over_its_namespaces(world: World) -> None:
    world.known.namespace_changed(Namespace("shop", {"sample": "0.1", "rate": "5/s"}))
    world.known.pod_changed(pod("a", rate="9/s"))
    world.known.pod_changed(pod("b"))
    steering = world.metadata.steering
    assert steering("a", "shop") == {"sample": "0.1", "rate": "9/s"}
    assert steering("b", "shop") == steering("unknown", "shop") == {"sample": "0.1", "rate": "5/s"}
    assert steering("unknown", "unknown") == {}


def test_the_state_says_what_is_ill_and_since_when(world: World) -> None:
    world.now += 10
    assert (world.metadata.state().synced, world.metadata.state().since) == (True, 10)
    world.upkeep.namespaces.ill(Trouble("forbidden", "may not list namespaces (403)", "allow it"))
    world.now += 3
    state = world.metadata.state()
    assert state.synced  # of pods
    assert state.why == "namespaces: for 3 s: may not list namespaces (403); allow it"
    world.upkeep.pods.ill(BROKEN)
    state = world.metadata.state()
    assert (state.synced, state.since, state.source) == (False, 0, "api")
    assert state.why.startswith("pods: for 0 s: the connection broke; namespaces: ")


def test_metadata_that_is_off_asks_nobody_and_nothing_waits(tmp_path: Path) -> None:
    for source in ("off", "auto"):  # auto: this is no pod
        metadata = Metadata(KubeSettings("n1", tmp_path, source))  # type: ignore[arg-type]
        metadata.start()
        assert not metadata.waits("a", 0.0, "shop")
        assert metadata.of("a") is None
        assert (metadata.state().source, metadata.state().synced) == ("off", True)
        metadata.close()
    assert not list(tmp_path.iterdir())


def test_a_kubelet_without_an_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"set its address, like https://\$\(HOST_IP\):10250"):
        Metadata(KubeSettings("n1", tmp_path, "kubelet"))
