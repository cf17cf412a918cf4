"""tree: which groups count, below whatever root, without looking at all of a node's groups each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tailrace.metrics.cgroups.tree import AGAIN, Found, Tree
from tests.clock import Clock
from tests.metrics.cgroups.made import id_of, pod_path, uid_of

UID, ONE, TWO = uid_of(1), id_of("one"), id_of("two")


def tree(folder: Path, *paths: str) -> tuple[Tree, Clock]:
    """These groups, beside those of a usual system."""
    for path in (*paths, "system.slice/ssh.service", "user.slice/user-0.slice/session-1.scope", "init.scope"):
        (folder / path).mkdir(parents=True, exist_ok=True)
    clock = Clock()
    return Tree(str(folder), clock), clock


def found(tree: Tree, level: str) -> set[tuple[str, str, str]]:
    return {(one.path, one.uid, one.container) for one in tree.groups() if one.level == level}


@pytest.mark.parametrize(
    ("pod", "scope"),
    [
        (f"kubepods/burstable/pod{UID}", ONE),
        (f"kubepods/pod{UID}", ONE),
        (pod_path(UID, "systemd"), f"cri-containerd-{ONE}.scope"),
        (pod_path(UID, "systemd"), f"crio-{ONE}.scope"),
        (pod_path(UID, "systemd"), f"docker-{ONE}.scope"),
        (pod_path(UID, "systemd", "kubelet"), f"cri-containerd-{ONE}.scope"),
        (pod_path(UID, root="k3s/agent"), ONE),
        (f"docker/{TWO}/kubelet/kubepods/pod{UID}", ONE),
        (f"system.slice/docker-{TWO}.scope/{pod_path(UID, 'systemd', 'kubelet')}", f"cri-containerd-{ONE}.scope"),
        (f"custom.slice/kubepods/burstable/pod{UID}", f"libpod_parent/{ONE}"),
    ],
)
def test_pods_and_containers_are_found_below_any_root(tmp_path: Path, pod: str, scope: str) -> None:
    groups, _ = tree(tmp_path, f"{pod}/{scope}")
    assert found(groups, "pod") == {(pod, UID, "")}
    assert (f"{pod}/{scope}", UID, ONE) in found(groups, "container")
    assert len(found(groups, "container")) == (2 if TWO in pod else 1), "the node of kind is a container itself"


def test_what_runs_within_a_container_is_the_container(tmp_path: Path) -> None:
    pod = pod_path(UID)
    inside = (f"docker/{TWO}", "init.scope", f"kubepods/pod{uid_of(2)}/{TWO}")
    groups, _ = tree(tmp_path, *(f"{pod}/{ONE}/{path}" for path in inside))
    assert found(groups, "container") == {(f"{pod}/{ONE}", UID, ONE)}
    assert found(groups, "pod") == {(pod, UID, "")}


def test_the_monitor_of_a_container_is_no_container(tmp_path: Path) -> None:
    pod = pod_path(UID, "systemd")
    groups, _ = tree(tmp_path, f"{pod}/crio-{ONE}.scope/container", f"{pod}/crio-conmon-{ONE}.scope")
    assert found(groups, "container") == {(f"{pod}/crio-{ONE}.scope", UID, ONE)}


def test_containers_of_docker_and_of_a_misled_containerd_need_no_pods_group(tmp_path: Path) -> None:
    misled = f"system.slice/containerd.service/kubepods-pod{UID.replace('-', '_')}.slice:cri-containerd:{TWO}"
    groups, _ = tree(tmp_path, f"docker/{ONE}", misled)
    assert found(groups, "container") == {(f"docker/{ONE}", "", ONE), (misled, UID, TWO)}
    assert found(groups, "pod") == set()


def test_what_holds_pods_is_told_and_other_groups_are_not(tmp_path: Path) -> None:
    groups, _ = tree(tmp_path, f"{pod_path(UID)}/{ONE}", f"docker/{TWO}")
    assert {path for path, _, _ in found(groups, "above")} == {"", "kubepods", "kubepods/burstable"}


def test_pods_come_and_go_at_once_and_a_new_place_for_them_within_a_minute(tmp_path: Path) -> None:
    other, elsewhere = uid_of(2), uid_of(3)
    (tmp_path / "kubepods/besteffort").mkdir(parents=True)
    groups, clock = tree(tmp_path, f"{pod_path(UID)}/{ONE}")
    assert groups.groups() == groups.groups()

    (tmp_path / f"kubepods/besteffort/pod{other}/{TWO}").mkdir(parents=True)
    (tmp_path / f"odd/pod{elsewhere}").mkdir(parents=True)
    os.rmdir(tmp_path / pod_path(UID) / ONE)
    assert {uid for _, uid, _ in found(groups, "pod")} == {UID, other}
    assert {id for _, _, id in found(groups, "container")} == {TWO}

    clock.now += AGAIN
    assert elsewhere in {uid for _, uid, _ in found(groups, "pod")}
    assert groups.whole
    os.rmdir(tmp_path / f"odd/pod{elsewhere}")
    assert elsewhere not in {uid for _, uid, _ in found(groups, "pod")}
    assert not groups.whole


def test_links_are_not_followed_and_names_need_not_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "kubepods").mkdir()
    (tmp_path / "kubepods/loop").symlink_to(tmp_path)
    os.mkdir(os.fsencode(tmp_path / "kubepods") + b"/\xff\xfe")
    groups, _ = tree(tmp_path, f"kubepods/pod{UID}")
    assert [one for one in groups.groups() if one.uid] == [Found(f"kubepods/pod{UID}", "pod", UID)]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tree(str(tmp_path / "none")).groups()
