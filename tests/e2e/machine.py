"""machine: a fresh set of namespaces in, a machine with private folders, a loopback and the node's addresses out.

The API server is reached at its service's own address, because that stands on the loopback: so pods find it without
kube-proxy, and nothing outside this network namespace can.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

API, NODE, PODS = "10.96.0.1", "10.0.0.10", "10.244.0.0/24"
COVERED = ("etc", "var/lib", "var/log")  # written to, but only in a layer of our own
SETTINGS = (  # of the whole machine; a kubelet sets them, and here it sets files of our own
    "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)  # fmt: skip
OWN = ("var/lib/containerd", "var/lib/kubelet", "var/lib/tailrace", "var/log/pods", "var/log/containers")


@dataclass(frozen=True)
class Machine:
    """folder: on disk, for everything that the run writes; lake: a part of it that pods mount. group: its cgroup."""

    folder: Path
    group: str

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def truth(self) -> Path:
        """Where the pods' programs record what they wrote."""
        return self.folder / "truth"


def inside() -> bool:
    """Whether this process is the first of a machine that __main__ made."""
    return "E2E_FOLDER" in os.environ and os.getpid() == 1


def prepare() -> Machine:
    """Once, before anything is started. Only inside: elsewhere it would change the host."""
    assert inside(), "run it by: python -m tests.e2e"
    folder = Path(os.environ["E2E_FOLDER"])
    for covered in COVERED:  # the host's files show through, and nothing is written to them
        upper, work = folder / "layers" / covered / "upper", folder / "layers" / covered / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        layers = f"lowerdir=/{covered},upperdir={upper},workdir={work}"
        run("mount", "-t", "overlay", "overlay", "-o", layers, f"/{covered}")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for own in OWN:  # a file system as a node has it: a layer carries no images, and tells no inode's generation
        (folder / "root" / own).mkdir(parents=True)
        Path("/", own).mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", str(folder / "root" / own), f"/{own}")
    for name in SETTINGS:
        setting, ours = Path("/proc/sys", name), folder / "settings" / name
        ours.parent.mkdir(parents=True, exist_ok=True)
        ours.write_text(setting.read_text())
        run("mount", "--bind", str(ours), str(setting))
    run("mount", "--make-rshared", "/")  # pods may ask that mounts of the host reach them
    run("hostname", "node-a")
    run("ip", "link", "set", "lo", "up")
    for address in (API, NODE):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    machine = Machine(folder, os.environ["E2E_GROUP"])
    machine.lake.mkdir()
    machine.truth.mkdir()
    machine.truth.chmod(0o777)
    return machine


def run(*words: str) -> None:
    """Run it; what it says is in the error if it fails."""
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr or done.stdout}"
